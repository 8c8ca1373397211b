"""What commands in a `RUN` install, whoever installs it."""

# ruff: noqa: E501 - a command and what it installs stand on one line, as they do in a Dockerfile

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import brief, errors, lines, names, run_line, verdict

PIP = "pypi"

COMMANDS: list[tuple[str, list[str]]] = [
    # pip, however it is reached
    ("pip install a 'b>=1' \"c[x]==2\"", ["pypi:a", "pypi:b", "pypi:c"]),
    ("pip3.11 install -U --no-cache-dir a", ["pypi:a"]),
    ("/opt/venv/bin/pip install a", ["pypi:a"]),
    ('"${VENV}/bin/pip" install a', ["pypi:a"]),
    ("python -m pip -q --disable-pip-version-check install a", ["pypi:a"]),
    ("$PYTHON -m pip install a", ["pypi:a"]),
    ("python3 -X utf8 -m pip install a", ["pypi:a"]),
    ("sudo -H -u app pip install a", ["pypi:a"]),
    ("env -u X A=b pip install a", ["pypi:a"]),
    ("A=b nohup time -f x nice -n 3 pip install a", ["pypi:a"]),
    ("conda run -n env --no-capture-output pip install a", ["pypi:a"]),
    ("uv run -- pip install a", ["pypi:a"]),
    ("timeout 60 pip install a", ["pypi:a"]),
    ("gosu app pip install a", ["pypi:a"]),
    ("su - app -c 'pip install a'", ["pypi:a"]),
    ("bash -lc 'source x && pip install a'", ["pypi:a"]),
    ("eval 'pip install' a", ["pypi:a"]),
    ("echo 'pip install a' | bash", ["pypi:a"]),
    ("printf 'pip install a' | sudo sh -x", ["pypi:a"]),
    ("echo a b | xargs pip install", ["pypi:a", "pypi:b"]),
    ("if ! pip install a; then pip install b; else pip install c; fi", ["pypi:a", "pypi:b", "pypi:c"]),
    ("case $X in a) pip install a;; *) pip install b;; esac", ["pypi:a", "pypi:b"]),
    ("(cd x && pip install a) & { pip install b; }", ["pypi:a", "pypi:b"]),
    ("f() { pip install a; }; f", ["pypi:a"]),
    ("X=$(pip install a) && Y=`pip install b`", ["pypi:a", "pypi:b"]),
    ("cat <(pip install a)", ["pypi:a"]),
    ("test -x y || pip install a && true", ["pypi:a"]),
    ("while ! pip install a; do sleep 1; done", ["pypi:a"]),
    ("for p in a 'b==1'; do pip install $p; done", ["pypi:a", "pypi:b"]),
    ("for p in x y z; do $p/bin/pip install a; done", ["pypi:a"]),
    ("PKGS='a b'; pip install $PKGS", ["pypi:a", "pypi:b"]),
    ("P=''; for x in a b; do P=\"$P $x\"; done; pip install $P", ["pypi:a", "pypi:b"]),
    ("pip install {a,b}-x", ["pypi:a-x", "pypi:b-x"]),
    ("pip install $UNKNOWN", ["pypi:$UNKNOWN"]),
    ("$INSTALLER install a", ["other:$INSTALLER"]),
    ("pip install mlflow>=1.0", ["pypi:mlflow"]),
    ("pip install a>=1 b 2>&1 c &>/dev/null d", ["pypi:a", "pypi:b", "pypi:c", "pypi:d"]),
    (">log pip install a <in b", ["pypi:a", "pypi:b"]),
    ("bash <<< 'pip install a'", ["pypi:a"]),
    ("pip install a==$(pip index versions a | sed 's/x y/z/')", ["pypi:a"]),
    ("pip download a && pip wheel b && easy_install c", ["pypi:a", "pypi:b", "pypi:c"]),
    ("pip install git+https://h.example/o/r@v1 https://h.example/a.whl . ./x.whl", [
        "vcs:git+https://h.example/o/r", "url:https://h.example/a.whl", "local:.", "local:./x.whl",
    ]),
    # other Python tools
    ("uv pip install a && uv tool install b && uvx c@1 && uv add d", ["pypi:a", "pypi:b", "pypi:c", "pypi:d"]),
    ("pipx install a && pipx run b && pipx inject a c", ["pypi:a", "pypi:b", "pypi:c"]),
    ("poetry add a@^1 && pipenv install b && pdm add c", ["pypi:a", "pypi:b", "pypi:c"]),
    ("uv python install 3.12", ["other:python"]),
    ("mim install mmcv", ["pypi:mmcv"]),
    ("python setup.py install", ["local:."]),
    ("python x/setup.py develop", ["local:x"]),
    ("python -m spacy download en_core_web_sm && python -m nltk.downloader punkt", ["other:en_core_web_sm", "other:punkt"]),
    # conda
    ("conda install -y -c conda-forge a=1 b", ["conda:a", "conda:b"]),
    ("/opt/conda/bin/mamba create -n e a && micromamba install -n base b", ["conda:a", "conda:b"]),
    ("conda update conda && conda update --all -y", ["conda:conda", "conda:<upgrade-all>"]),
    ("conda clean -afy && conda init bash && conda activate x", []),
    ("pixi add a", ["conda:a"]),
    # operating systems
    ("apt-get update && apt-get -y --no-install-recommends install a=1.0 b/stable c-", ["os:a", "os:b"]),
    ("apt-get install -y -t buster-backports a ./x.deb https://h.example/y.deb", [
        "os:a", "local:./x.deb", "url:https://h.example/y.deb",
    ]),
    ("apt upgrade -y && apt-get dist-upgrade && apt-get autoremove -y x && apt-get remove y", ["os:<upgrade-all>"] * 2),
    ("xargs -a apt.txt apt-get install -y", ["other:apt.txt"]),
    ("cat list | xargs apt-get install -y", ["other:list"]),
    ("apk add --no-cache --virtual .deps -X https://h.example/r a 'b>1' c~=2 && apk del .deps && apk upgrade", [
        "os:a", "os:b", "os:c", "os:<upgrade-all>",
    ]),
    ("yum -y install a && dnf update -y && microdnf install b && tdnf install -y c && yum groupinstall -y 'D T'", [
        "os:a", "os:<upgrade-all>", "os:b", "os:c", "os:D T",
    ]),
    ("yum install -y https://h.example/x.rpm ./y.rpm && rpm -ivh https://h.example/z.rpm && rpm -qa", [
        "url:https://h.example/x.rpm", "local:./y.rpm", "url:https://h.example/z.rpm",
    ]),
    ("zypper --non-interactive in a && pacman -Syu --noconfirm b && brew install c && xx-apk add d", [
        "os:a", "os:<upgrade-all>", "os:b", "os:c", "os:d",
    ]),
    ("dnf group install x && dnf config-manager --add-repo https://h.example/r && yum-config-manager --add-repo https://h.example/s", ["os:x"]),
    ("dpkg -i x.deb && apt-key adv --fetch-keys https://h.example/k.pub", ["local:x.deb", "url:https://h.example/k.pub"]),
    # downloads and repositories
    ("curl -fsSL -o /tmp/x -H 'A: https://no.example' https://h.example/x", ["url:https://h.example/x"]),
    ("curl -sSf sh.example.org/install.sh | sh", ["url:sh.example.org/install.sh"]),
    ("wget -q -O- --header 'X: y' https://h.example/a https://h.example/b | tar xz", [
        "url:https://h.example/a", "url:https://h.example/b",
    ]),
    ("curl --url https://h.example/x && aria2c -d /tmp https://h.example/y", ["url:https://h.example/x", "url:https://h.example/y"]),
    ("wget https://h.example/v$A/x-v$A-$B.tgz", ["url:https://h.example/v$A/x-v$A-$B.tgz"]),
    ("git clone --depth 1 -b v1 https://h.example/o/r.git /x && git -C /x pull && git submodule update --init", [
        "vcs:https://h.example/o/r.git",
    ]),
    ("git -c a=b clone git@h.example:o/r && svn co https://s.example/t && hg clone https://m.example/r", [
        "vcs:git@h.example:o/r", "vcs:https://s.example/t", "vcs:https://m.example/r",
    ]),
    ("git clone /local/repo && git init && git remote add o https://h.example/o/r", ["vcs:https://h.example/o/r"]),
    ("gh repo clone https://h.example/o/r && git submodule add https://h.example/s", ["vcs:https://h.example/o/r", "vcs:https://h.example/s"]),
    # other languages
    ("npm install -g a@1 @s/b && yarn global add c && pnpm add d && npx e", ["other:a", "other:@s/b", "other:c", "other:d", "other:e"]),
    ("npm ci && npm run build && npm ci", ["other:package.json"]),
    ("yarn && corepack enable && nvm install 18", ["other:package.json", "other:node"]),
    ("npm i git+https://h.example/r#v https://h.example/a.tgz ./x", ["vcs:git+https://h.example/r", "url:https://h.example/a.tgz", "local:./x"]),
    ("go install h.example/x@v1 && go get h.example/y && go build ./... && go mod download", ["other:h.example/x", "other:h.example/y", "other:go.mod"]),
    ("cargo install a --version 1 && cargo install --git https://h.example/r --rev x && cargo build --release", [
        "other:a", "vcs:https://h.example/r", "other:Cargo.toml",
    ]),
    ("cargo install --path . && cargo +nightly chef cook", ["other:Cargo.toml"]),
    ("curl https://sh.rustup.rs | sh -s -- -y --default-toolchain 1.85", ["url:https://sh.rustup.rs", "other:rust-toolchain"]),
    ("rustup toolchain install nightly && rustup component add clippy && rustup default stable", [
        "other:nightly", "other:clippy", "other:stable",
    ]),
    ("R -e \"install.packages(c('a', 'b'), repos=c('https://cran.example'))\"", ["other:a", "other:b"]),
    ("Rscript -e 'remotes::install_github(\"o/r\")' -e 'library(x)' --eval='install.packages(\"c\", dep=TRUE)'", ["other:o/r", "other:c"]),
    ("install2.r --error -n 4 a b && installGithub.r o/r", ["other:a", "other:b", "other:o/r"]),
    ("echo 'install.packages(\"a\")' | R --no-save", ["other:a"]),
    ("az extension add -n ml -y && az extension add --source https://h.example/x.whl", ["other:ml", "url:https://h.example/x.whl"]),
    ("az aks install-cli && az login", ["other:aks"]),
    ("gem install -N a && bundle install && dotnet tool install -g b && dotnet restore && helm plugin install https://h.example/p", [
        "other:a", "other:Gemfile", "other:b", "other:*.csproj", "url:https://h.example/p",
    ]),
    ("jupyter labextension install @j/x && jupyter --version && nix profile install nixpkgs#a", ["other:@j/x", "other:nixpkgs#a"]),
    ("trivy image --download-db-only && trivy image --download-java-db-only", ["other:trivy-db", "other:trivy-java-db"]),
    # words that are not quite complete
    ("pip -V && pip --python /x/bin/python install a && pip --log x list && pip config get x && pip config set a.b c", ["pypi:a"]),
    ("conda && conda env list && conda list && pixi global install a && conda --version", ["conda:a"]),
    ("uvx --from a b && pipx run --spec c d && uv tool run --with e,f g", ["pypi:a", "pypi:c", "pypi:g", "pypi:e", "pypi:f"]),
    ("uv pip list && uv && poetry && uv add --index own=https://x.example/s a", ["pypi:a"]),
    ("git && git -C x status && git clone && git clone https://h.example/o/r@v1 x && git fetch https://h.example/o/s", [
        "vcs:https://h.example/o/r", "vcs:https://h.example/o/s",
    ]),
    ("apt-get && apt-get install -y a+ '' && apt-key list && dpkg -l && add-apt-repository 'deb https://r.example x main'", ["os:a+"]),
    ("go && R && R CMD INSTALL x && Rscript x.R && cargo && rustup && npm && gem && az && brew", []),
    ("R -e 'remotes::install_url(\"https://h.example/a.tgz\")' && R -e 'install(x)'", ["url:https://h.example/a.tgz"]),
    ("exec pip install a && command -v pip && nohup && sudo && xargs && env && time && timeout 1", ["pypi:a"]),
    ("A=1 && export B=2 && declare -a C=(1 2) && D=(a b) && pip install a-$A b-$B", ["pypi:a-1", "pypi:b-2"]),
    # nothing
    ("pip uninstall -y a && pip freeze && pip list && pip cache purge && pip", []),
    ("echo pip install a > /x && echo 'a==1' > requirements.txt && printf 'b'", []),
    ("make install && ./install.sh && install -d /x && mkdir install && update-alternatives --install a b c 1", []),
    ("npm run x && go version && cargo --version && git status && conda info && apk --version && apt-get clean", []),
]  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[command[:50] for command, _ in COMMANDS])
def test_a_command(tmp_path: Path, command: str, expected: list[str]) -> None:
    declared = run_line(tmp_path, command)
    assert names(declared) == expected
    assert errors(declared) == []


ORIGINS: list[tuple[str, list[str]]] = [
    ("pip install -i https://x.example/s a && pip install b", ["https://x.example/s", "pypi"]),
    ("pip install a --extra-index-url=https://x.example/s", ["pypi+https://x.example/s"]),
    ("pip install a --extra-index https://x.example/s", ["pypi+https://x.example/s"]),
    ("pip install a -f https://x.example/l", ["pypi+https://x.example/l"]),
    ("pip install --no-index -f /wheels a", ["/wheels"]),
    ("pip install --no-index a", ["?no_index"]),
    ("PIP_INDEX_URL=https://x.example/s pip install a && pip install b", ["https://x.example/s", "pypi"]),
    ("export PIP_EXTRA_INDEX_URL=https://x.example/s && pip install a", ["pypi+https://x.example/s"]),
    ("PIP_NO_INDEX=1 PIP_FIND_LINKS=/w pip install a", ["/w"]),
    ("pip config set global.index-url https://x.example/s && pip install a", ["https://x.example/s"]),
    ("UV_INDEX_URL=https://x.example/s uv pip install a", ["https://x.example/s"]),
    ("uv pip install --index https://x.example/s a", ["pypi+https://x.example/s"]),
    ("uv add --default-index https://x.example/s a", ["https://x.example/s"]),
    ("conda install a", ["defaults"]),
    ("conda install -c evil -c conda-forge a conda-forge::b", ["evil+conda-forge", "conda-forge"]),
    ("conda install --channel=https://x.example/c a", ["https://x.example/c"]),
    ("conda config --add channels evil && conda install a", ["evil+defaults"]),
    ("conda config --remove channels defaults && conda config --append channels evil && conda install a", ["evil"]),
    ("conda config --set channel_priority strict && conda install a", ["defaults"]),
    ("CONDA_CHANNELS=evil conda install a", ["evil+defaults"]),
    ("conda config --add channels evil && conda install --override-channels -c conda-forge a", ["conda-forge"]),
    ("add-apt-repository -y ppa:x/y && apt-get install a", ["apt:default+ppa:x/y"]),
    ("echo 'deb [arch=amd64] https://r.example/u x main' > /etc/apt/sources.list.d/x && apt-get install a", [
        "apt:default+https://r.example/u",
    ]),
    ("yum-config-manager --add-repo https://r.example && yum install a", ["yum:default+https://r.example"]),
    ("apk add -X https://r.example a", ["apk:default+https://r.example"]),
]  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), ORIGINS, ids=[command[:50] for command, _ in ORIGINS])
def test_an_option_reaches_as_far_as_its_tool_lets_it(tmp_path: Path, command: str, expected: list[str]) -> None:
    assert [one[3] for one in brief(run_line(tmp_path, command))] == expected


def test_an_unquoted_constraint_is_a_redirect(tmp_path: Path) -> None:
    declared = run_line(tmp_path, "pip install mlflow>=1.0 'b>=1' c<2 d\\>=3")
    assert [one[1:3] for one in brief(declared)] == [("mlflow", ""), ("b", ">=1"), ("c", ""), ("d", ">=3")]


def test_plain_text_work_in_a_substitution_is_done(tmp_path: Path) -> None:
    command = (
        'V=12.2.2; apt-get install -y a-$(cut -f1,2 -d- <<< ${V//./-}) "b-$(echo $V | cut -d. -f1)"'
        " c-$(echo 1.2 | tr . -) d-$(echo 1.2 | tr -d .) e-$(printf x) f-$(cut -f2- -d. <<< $V) g-$(date)"
    )
    assert [one[1] for one in brief(run_line(tmp_path, command))] == [
        "a-12-2",
        "b-12",
        "c-1-2",
        "d-12",
        "e-x",
        "f-2.2",
        "g-$(date)",
    ]


PARAMETERS = [
    ("${A:-x}", "x"),
    ("${A-x}", "x"),
    ("${V:-x}", "1.2.3"),
    ("${V#*.}", "2.3"),
    ("${V##*.}", "3"),
    ("${V%.*}", "1.2"),
    ("${V%%.*}", "1"),
    ("${V/./_}", "1_2.3"),
    ("${V//./_}", "1_2_3"),
    ("${V:0:3}", "1.2"),
    ("${V:2}", "2.3"),
    ("${W^^}", "AB"),
    ("${W,,}", "ab"),
    ("${V:+y}", "y"),
    ("x${A:+y}", "x"),
    ("${V:?no}", "1.2.3"),
    ("${V@Q}", "${V@Q}"),
    ("${!V}", "${!V}"),
    ("${V:x}", "${V:x}"),
    ("${V/[0-9]/x}", "${V/[0-9]/x}"),
    ("${A}", "${A}"),
]


@pytest.mark.parametrize(("text", "expected"), PARAMETERS)
def test_parameter_expansion(tmp_path: Path, text: str, expected: str) -> None:
    declared = run_line(tmp_path, f'V=1.2.3 && W=ab && curl "https://h.example/{text}"')
    assert [one[1] for one in brief(declared)] == [f"https://h.example/{expected}"]


def test_findings_in_a_quoted_script_stand_on_their_own_lines(tmp_path: Path) -> None:
    command = 'bash -c "source x && \\\n  pip install \\\n    one \\\n    two"'
    assert lines(run_line(tmp_path, command)) == [("one", 6), ("two", 7)]


def test_templates_are_words(tmp_path: Path) -> None:
    declared = run_line(
        tmp_path, "pip install a=={{latest-pypi-version}} 'b[{{x}}]' && conda install -c conda-forge {{y}}"
    )
    assert [one[1:] for one in brief(declared)][:1] == [("a", "=={{latest-pypi-version}}", "pypi")]
    assert [one.undetermined for one in declared.references][-1] == "template"


def test_manifests_of_a_cloned_repository_are_not_the_projects_own(tmp_path: Path) -> None:
    declared = run_line(
        tmp_path, "git clone https://h.example/o/r.git /r && cd /r && go mod tidy && python setup.py install"
    )
    assert names(declared) == ["vcs:https://h.example/o/r.git"]


def test_projects_are_followed_into_the_context(tmp_path: Path) -> None:
    declared = run_line(
        tmp_path,
        "uv sync --frozen && poetry install && conda env update -f e.yml && conda install --file r.txt && conda-lock install",
        {
            "pyproject.toml": "[project]\nname='x'\ndependencies=['a']\n",
            "e.yml": "channels: [conda-forge]\ndependencies: [b]\n",
            "r.txt": "c\n# no\nd=1\n",
            "conda-lock.yml": "version: 1\npackage: []\n",
        },
    )
    assert names(declared) == ["pypi:a", "conda:b", "conda:c", "conda:d"]


def test_what_a_command_wants_and_the_context_lacks_is_named(tmp_path: Path) -> None:
    declared = run_line(
        tmp_path, "uv sync && conda env create && conda install --file r.txt && conda-lock install x.yml"
    )
    assert [(one.name, one.undetermined) for one in declared.references] == [
        (name, "missing_file") for name in ("pyproject.toml", "environment.yml", "r.txt", "x.yml")
    ]


def test_a_loop_that_never_ends_is_bounded(tmp_path: Path) -> None:
    values = " ".join(f"p{number}" for number in range(500))
    declared = run_line(tmp_path, f"for p in {values}; do for q in {values}; do pip install $p-$q; done; done")
    assert "loop_too_long" in errors(declared)
    assert len(declared.references) < 50_000


def test_scripts_within_scripts_are_bounded(tmp_path: Path) -> None:
    script = "pip install a"
    for _ in range(40):
        script = "eval " + script
    assert names(run_line(tmp_path, script)) == ["pypi:a"] or errors(run_line(tmp_path, script))


def test_a_value_that_a_condition_chooses_counts_with_every_value_it_may_have(tmp_path: Path) -> None:
    command = (
        'I=""; if [ -n "$GPU" ]; then I="--extra-index-url https://x.example/s"; else I=""; fi; pip install $I a'
        ' && case $X in 1) V=1;; 2) V=2;; esac; pip install "b==$V"'
        " && U=https://one.example; test -f x || U=https://two.example; curl $U"
    )
    assert sorted(one[1:] for one in brief(run_line(tmp_path, command))) == [
        ("a", "", "pypi+https://x.example/s"),
        ("b", "==1", "pypi"),
        ("b", "==2", "pypi"),
        ("https://one.example", "", "one.example"),
        ("https://two.example", "", "two.example"),
    ]


def test_every_round_of_a_loop_counts(tmp_path: Path) -> None:
    declared = run_line(tmp_path, "for i in https://one.example/s https://two.example/s; do pip install -i $i a; done")
    assert brief(declared) == [("pypi", "a", "", "https://one.example/s+https://two.example/s")]


def test_a_file_that_was_downloaded_is_no_second_reference_when_it_is_installed(tmp_path: Path) -> None:
    declared = run_line(
        tmp_path,
        "wget https://h.example/a.deb && apt-get install -y ./a.deb ./b.deb"
        " && curl -L https://h.example/x -o /tmp/c.whl && pip install /tmp/c.whl ./d.whl",
    )
    assert names(declared) == [
        "url:https://h.example/a.deb",
        "local:./b.deb",
        "url:https://h.example/x",
        "local:./d.whl",
    ]


def test_a_repository_that_add_fetched_is_a_clone_too(tmp_path: Path) -> None:
    declared = run_line(
        tmp_path, "true\nWORKDIR /x\nADD https://h.example/o/r.git .\nRUN go mod download && go build -mod=vendor"
    )
    assert names(declared) == ["vcs:https://h.example/o/r.git"]


@pytest.mark.parametrize("command", ["bash install.sh -x", "./install.sh", "sh -eux /src/install.sh", ". ./install.sh"])
def test_a_script_of_the_context_is_read_where_it_stands(tmp_path: Path, command: str) -> None:
    declared = run_line(tmp_path, command, {"install.sh": "#!/bin/sh\nset -e\npip install a\n./install.sh\n"})
    assert [(one.name, one.file, one.line) for one in declared.references] == [("a", "install.sh", 3)]


def test_a_script_that_was_copied_and_is_not_there_is_an_unknown_place(tmp_path: Path) -> None:
    declared = run_line(tmp_path, "bash gone.sh && bash /opt/of/the/base.sh && source ~/.bashrc")
    assert [one.origin.location for one in declared.sources] == ["script gone.sh"]
    assert verdict(declared).verdict == "needs_exception"


def test_a_script_that_was_downloaded_is_its_address(tmp_path: Path) -> None:
    declared = run_line(tmp_path, "curl -LO https://h.example/i.sh && bash i.sh -b")
    assert names(declared) == ["url:https://h.example/i.sh"]
    assert declared.sources == ()


CONFIGURED: list[tuple[str, dict[str, str | bytes], list[str]]] = [
    ("true\nCOPY pip.conf /etc/\nRUN pip install a", {"pip.conf": "[global]\nindex-url = https://x.example/s\n"}, ["https://x.example/s"]),
    ("true\nCOPY my.conf /etc/pip.conf\nRUN pip install a", {"my.conf": "[global]\nextra-index-url =\n  https://x.example/s\n  https://y.example/s\n"}, ["pypi+https://x.example/s+https://y.example/s"]),
    ("true\nCOPY .condarc /root/.condarc\nRUN conda install a", {".condarc": "channels: [conda-forge, nodefaults]\n"}, ["conda-forge"]),
    ("true\nCOPY uv.toml /etc/uv/uv.toml\nRUN uv pip install a", {"uv.toml": "index-url = 'https://x.example'\nextra-index-url=['https://y.example']\n"}, ["https://x.example+https://y.example"]),
    ("true\nCOPY uv.toml /etc/uv/\nRUN uv pip install a", {"uv.toml": "[[index]]\nurl = 'https://x.example'\n"}, ["pypi+https://x.example"]),
    ("printf '[global]\\nindex-url=https://x.example/s\\n' > /etc/pip.conf && pip install a", {}, ["https://x.example/s"]),
    ("echo 'extra-index-url = https://x.example/s' >> ~/.pip/pip.conf && pip install a", {}, ["pypi+https://x.example/s"]),
    ("echo 'channels: [evil]' > ~/.condarc && conda install a", {}, ["evil"]),
    ("true\nARG PIP_INDEX_URL\nRUN pip install a", {}, ["${PIP_INDEX_URL}"]),
]  # fmt: skip


@pytest.mark.parametrize(("command", "files", "expected"), CONFIGURED, ids=[one[0][:50] for one in CONFIGURED])
def test_configuration_steers_what_follows(
    tmp_path: Path, command: str, files: dict[str, str | bytes], expected: list[str]
) -> None:
    assert [one[3] for one in brief(run_line(tmp_path, command, files))] == expected


def test_configuration_that_cannot_be_read_is_an_unknown_place(tmp_path: Path) -> None:
    declared = run_line(tmp_path, "true\nCOPY pip.conf /etc/pip.conf\nRUN pip install a")
    assert [one.origin.location for one in declared.sources] == ["configuration pip.conf"]
    assert verdict(declared).verdict == "needs_exception"
    for name, content in ((".condarc", "a: ["), ("uv.toml", "[")):
        broken = run_line(tmp_path, f"true\nCOPY {name} /root/{name}\nRUN pip install a", {name: content})
        assert verdict(broken).verdict == "unparseable"


def test_what_a_container_installs_at_its_start_is_said(tmp_path: Path) -> None:
    declared = run_line(tmp_path, 'true\nCMD ["sh", "-c", "pip install a && serve"]\nENTRYPOINT serve')
    assert [(one.code, one.line) for one in declared.problems] == [("installs_at_start", 5)]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -c \"import pip; pip.main(['install', 'a'])\"", ["other:python -c"]),
        ("python3 -c 'from urllib.request import urlretrieve; urlretrieve(1)'", ["other:python -c"]),
        ("python -c 'import matplotlib.pyplot'", []),
        ("busybox wget https://h.example/a", ["url:https://h.example/a"]),
        (
            "powershell -Command \"Invoke-WebRequest -Uri 'https://h.example/a.exe' -OutFile a\"",
            ["url:https://h.example/a.exe"],
        ),
        ("choco install -y git --version 1", ["other:git"]),
        ("choco list", []),
    ],
)
def test_roundabout_ways(tmp_path: Path, command: str, expected: list[str]) -> None:
    assert names(run_line(tmp_path, command)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(echo -n a-b)", "a-b"),
        ("$(echo $NOT_KNOWN)", "$(echo $NOT_KNOWN)"),
        ("$(cut -c1 <<< abc)", "$(cut -c1 <<< abc)"),
        ("$(cut -fx -d. <<< a.b)", "$(cut -fx -d. <<< a.b)"),
        ("$(echo abc | tr a-z A-Z)", "$(echo abc | tr a-z A-Z)"),
        ("$(date; echo a)", "$(date; echo a)"),
        ("$(date | cut -f1 -d.)", "$(date | cut -f1 -d.)"),
        ("$(cat <f)", "$(cat <f)"),
        ("$(printf '%s' x)", "$(printf '%s' x)"),
        ("$(cut -f1 <<< $NOT_KNOWN)", "$(cut -f1 <<< $NOT_KNOWN)"),
    ],
)
def test_what_reading_cannot_work_out_stays_as_written(tmp_path: Path, text: str, expected: str) -> None:
    declared = run_line(tmp_path, f'curl "https://h.example/{text}"')
    assert [one[1] for one in brief(declared)] == [f"https://h.example/{expected}"]


@pytest.mark.parametrize(
    ("command", "files", "expected"),
    [
        ("pip install 'a>>1'", {}, "invalid_requirement"),
        ("conda install -c conda-forge '=1'", {}, "invalid_matchspec"),
        ("conda install --file r.txt", {"r.txt": "=1\n"}, "invalid_matchspec"),
        ("conda env create -f e.yml", {"e.yml": "- a\n"}, "not_conda"),
        ("conda env create -f e.yml", {"e.yml": "\n"}, "empty"),
        ("x " + "\\\n y" * 60_000, {}, "script_too_long"),
    ],
)
def test_what_a_tool_would_refuse_is_an_error(
    tmp_path: Path, command: str, files: dict[str, str | bytes], expected: str
) -> None:
    assert errors(run_line(tmp_path, command, files)) == [expected]


def test_files_of_the_context_that_tools_take(tmp_path: Path) -> None:
    declared = run_line(
        tmp_path,
        "uv pip sync r.txt -c c.txt && uv pip compile r.in && conda install --file e.yml && conda-lock install x.lock",
        {
            "r.txt": "a\n",
            "c.txt": "z\n",
            "r.in": "b\n",
            "e.yml": "channels: [conda-forge]\ndependencies: [c]\n",
            "x.lock": "@EXPLICIT\nhttps://h.example/ch/noarch/d-1-0.conda\n",
        },
    )
    assert names(declared) == ["pypi:a", "pypi:b", "conda:c", "conda:d"]
