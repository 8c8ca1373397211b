"""Files that a build writes, prints or hands on itself: what a later command installs from them is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import declare, errors, names, run_line, verdict

BASE = "FROM mcr.microsoft.com/base:1\n"
INDEX = "https://h.example/simple"


def written(folder: Path, body: str, files: dict[str, str | bytes] | None = None) -> list[tuple[str, str, int]]:
    """Return (`kind:name`, file, line) of everything behind the base image."""
    declared = declare(folder, {"Dockerfile": BASE + body, **(files or {})})
    assert errors(declared) == []
    return [(f"{one.kind.value}:{one.name}", one.file, one.line) for one in declared.references[1:]]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("RUN echo 'a==1' > /r.txt\nRUN pip install -r /r.txt\n", 2),
        ("RUN printf 'a==1\\n' > r.txt && pip install -r ./r.txt\n", 2),
        ("RUN printf '%s\\n' a > r.txt && pip install -r r.txt\n", 2),
        ("RUN cat <<EOF > /r.txt\na==1\nEOF\nRUN pip install -r /r.txt\n", 3),
        ("RUN cat > /r.txt <<'EOF'\na==1\nEOF\nRUN pip install -r /r.txt\n", 3),
        ("RUN printf 'a==%s\\n' 1 > r.txt && pip install -r r.txt\n", 2),
        ("RUN echo -e 'a' > x && cat x - > r.txt && pip install -r x\n", 2),
        ("RUN echo a > x && cat x > r.txt && pip install -r r.txt\n", 2),
        ("RUN echo a | cat - > r.txt && pip install -r r.txt\n", 2),
        ("RUN <<EOF cat > /r.txt\na==1\nEOF\nRUN pip install -r /r.txt\n", 3),
        ("RUN tee /r.txt <<EOF >/dev/null && pip install -r /r.txt\na==1\nEOF\n", 3),
        ("RUN echo a==1 | tee -a /r.txt && pip install -r /r.txt\n", 2),
        ("RUN { echo a==1; } > /r.txt; pip install -r /r.txt\n", 2),
        ("COPY <<EOF /r.txt\na==1\nEOF\nRUN pip install -r /r.txt\n", 3),
        ("COPY <<r.txt /x/\na==1\nr.txt\nRUN pip install -r /x/r.txt\n", 3),
        ("RUN pip install -r /dev/stdin <<EOF\na==1\nEOF\n", 3),
        ("RUN echo a==1 | pip install -r -\n", 2),
        ("RUN echo a==1 > /r.txt && cp /r.txt /app/ && cd /app && pip install -r r.txt\n", 2),
        (f"RUN echo a==1 > /r.txt\n{BASE}COPY --from=0 /r.txt /x/\nRUN pip install -r /x/r.txt\n", 2),
        ("RUN echo 'pip install a' > /i.sh && sh /i.sh\n", 2),
        ("COPY <<EOF /i.sh\npip install a\nEOF\nRUN bash /i.sh\n", 3),
    ],
)
def test_what_a_build_writes_is_installed_from_the_line_on_which_it_stands(
    tmp_path: Path, body: str, line: int
) -> None:
    found = written(tmp_path, body)
    assert [one for one in found if one[0] != "image:mcr.microsoft.com/base"] == [("pypi:a", "Dockerfile", line)]


@pytest.mark.parametrize(
    ("command", "file", "content"),
    [
        ("cat list.txt | xargs -n 1 pip install", "list.txt", "a==1\n# no\n"),
        ("xargs -a list.txt pip install", "list.txt", "# no\na\n"),
        ("xargs --arg-file=list.txt pip install", "list.txt", "a\n"),
        ("xargs pip install < list.txt", "list.txt", "a\n"),
        ("grep -v '^#' list.txt | xargs pip install", "list.txt", "#b\na # c\n"),
        ("bash < i.sh", "i.sh", "pip install a\n"),
        ("cat i.sh | sh -e", "i.sh", "pip install a\n"),
        ("./install", "install", "#!/bin/bash\npip install a\n"),
        ("cp i.sh /opt/x.sh && /opt/x.sh", "i.sh", "pip install a\n"),
    ],
)
def test_a_file_of_the_context_is_read_wherever_a_command_gets_it_from(
    tmp_path: Path, command: str, file: str, content: str
) -> None:
    declared = run_line(tmp_path, command, {file: content})
    assert [(f"{one.kind.value}:{one.name}", one.file) for one in declared.references] == [("pypi:a", file)]


def test_a_list_in_a_substitution_is_read_and_stands_where_it_is_used(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"apt.txt": "a # one\nb\n", "VERSION": "2\n"}
    declared = run_line(tmp_path, "apt-get install -y $(cat apt.txt) && pip install c==$(cat VERSION)", files)
    assert [(one.name, one.spec) for one in declared.references] == [("a", ""), ("b", ""), ("c", "==2")]


@pytest.mark.parametrize(
    "command",
    [
        "apt-get install -y $(cat gone.txt)",
        "xargs -a gone.txt apt-get install -y",
        "cat gone.txt | xargs pip install",
        "sed 's/#.*//' gone.txt | xargs pip install",
    ],
)
def test_a_list_that_is_not_there_is_in_doubt_as_a_file(tmp_path: Path, command: str) -> None:
    declared = run_line(tmp_path, command)
    assert [(one.kind.value, one.name, one.undetermined) for one in declared.references] == [
        ("other", "gone.txt", "missing_file")
    ]
    assert verdict(declared).verdict == "needs_exception"


def test_a_list_that_no_installer_gets_is_none(tmp_path: Path) -> None:
    assert names(run_line(tmp_path, "cat gone.txt | xargs rm && echo $(cat gone.txt) && sort gone.txt | head")) == []


@pytest.mark.parametrize(
    "body",
    [
        f"RUN cat <<EOF > /etc/pip.conf\n[global]\nindex-url = {INDEX}\nEOF\nRUN pip install a\n",
        f"COPY <<EOF /etc/pip.conf\n[global]\nindex-url = {INDEX}\nEOF\nRUN pip install a\n",
        f"RUN printf '[global]\\nindex-url = {INDEX}\\n' | tee /etc/pip.conf\nRUN pip install a\n",
        f"RUN echo index-url = {INDEX} >> /etc/pip.conf && pip install a\n",
        f"COPY <<EOF /r.txt\n--index-url {INDEX}\na\nEOF\nRUN pip install -r /r.txt\n",
    ],
)
def test_an_index_that_a_build_writes_down_counts(tmp_path: Path, body: str) -> None:
    declared = declare(tmp_path, {"Dockerfile": BASE + body})
    assert names(declared) == ["image:mcr.microsoft.com/base", "pypi:a"]
    assert verdict(declared).verdict == "needs_exception"


def test_variables_in_a_document_are_filled_in_unless_its_name_is_quoted(tmp_path: Path) -> None:
    body = (
        "ARG V=2\nCOPY <<EOF /a.txt\na==$V\nEOF\nCOPY <<'EOF' /b.txt\nb==$V\nEOF\nRUN pip install -r /a.txt -r /b.txt\n"
    )
    declared = declare(tmp_path, {"Dockerfile": BASE + body})
    assert [(one.name, one.spec) for one in declared.references[1:]] == [("a", "==2"), ("b", "==$V")]


def test_what_is_added_to_a_file_of_the_context_is_installed_too(tmp_path: Path) -> None:
    body = "COPY r.txt /\nRUN echo 'b @ https://h.example/b.whl' >> /r.txt && pip install -r /r.txt\n"
    assert written(tmp_path, body, {"r.txt": "a\n"}) == [
        ("pypi:a", "r.txt", 1),
        ("url:https://h.example/b.whl", "Dockerfile", 3),
    ]


def test_a_file_written_anew_is_no_longer_what_it_was(tmp_path: Path) -> None:
    body = "COPY r.txt /\nRUN echo b > /r.txt && echo c >> /r.txt && pip install -r /r.txt\n"
    assert [one[0] for one in written(tmp_path, body, {"r.txt": "a\n"})] == ["pypi:b", "pypi:c"]


def test_what_only_a_program_knows_stays_in_doubt(tmp_path: Path) -> None:
    for command in ("pip freeze > r.txt", "poetry export -o r.txt", "echo $X > r.txt", "{ date; echo a; } > r.txt"):
        declared = run_line(tmp_path, f"{command}; pip install -r r.txt")
        assert any(one.undetermined for one in declared.references), command


@pytest.mark.parametrize(
    "command", ["pip-compile x.in > r.txt", "cat gone r.txt > r.txt", "printf '%s' $(date) > r.txt"]
)
def test_a_file_that_something_unknown_replaced_is_no_longer_known(tmp_path: Path, command: str) -> None:
    declared = run_line(tmp_path, f"{command}; pip install -r r.txt", {"r.txt": "a\n"})
    assert all(one.undetermined for one in declared.references)
    assert names(declared)
    assert verdict(declared).verdict == "needs_exception"


def test_a_file_written_past_the_bound_is_unknown(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"big.txt": "a\n" * 60_000, "r.txt": "b\n"}
    assert names(run_line(tmp_path, "cat big.txt > r.txt && pip install -r r.txt", files)) == ["other:r.txt"]


def test_a_file_that_installs_itself_ends(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"Dockerfile": f"{BASE}RUN echo 'sh /i.sh && pip install a' > /i.sh && sh /i.sh\n"})
    assert errors(declared) == ["include_cycle"]


def test_copies_in_circles_end_with_nothing_found(tmp_path: Path) -> None:
    moves = " && ".join(f"cp /{one} /{two}" for one in "abc" for two in "abc")
    assert names(run_line(tmp_path, f"{moves} && pip install -r /a/x")) == ["other:/a/x"]


def test_a_file_written_too_often_is_unknown(tmp_path: Path) -> None:
    loop = "for a in 1 2 3 4 5 6 7 8 9 0; do for b in 1 2 3 4 5 6 7 8 9 0; do "
    command = f"{loop}for c in 1 2 3 4 5 6 7 8 9 0 x; do echo a$a$b$c >> r.txt; done; done; done; pip install -r r.txt"
    assert names(run_line(tmp_path, command)) == ["other:r.txt"]


def test_a_single_file_in_a_folder_makes_nothing_else_there_a_copy(tmp_path: Path) -> None:
    alone = declare(tmp_path, {"Dockerfile": f"{BASE}COPY r.txt /opt/\nRUN /opt/setup.sh && pip install a\n"})
    assert verdict(alone).verdict == "safelisted"
    folder = declare(tmp_path, {"Dockerfile": f"{BASE}COPY tools /opt/\nRUN /opt/setup.sh && pip install a\n"})
    assert verdict(folder).verdict == "needs_exception"


@pytest.mark.parametrize("command", ["./configure", "./scripts/install-all", "python install_deps.py", "Rscript i.R"])
def test_a_program_of_the_context_that_installs_by_its_name_and_is_not_there_is_in_doubt(
    tmp_path: Path, command: str
) -> None:
    assert verdict(run_line(tmp_path, f"{command} && pip install a")).verdict == "needs_exception"


@pytest.mark.parametrize("command", ["./manage.py migrate", "/usr/bin/nginx -t", "python app.py", "/opt/setup-base.sh"])
def test_a_program_that_only_runs_brings_nothing_in(tmp_path: Path, command: str) -> None:
    declared = declare(tmp_path, {"Dockerfile": f"{BASE}WORKDIR /w\nCOPY . .\nRUN {command} && pip install a\n"})
    assert verdict(declared).verdict == "safelisted"


def test_code_of_r_is_read_from_its_file_and_from_a_document(tmp_path: Path) -> None:
    body = "COPY i.R /\nRUN Rscript /i.R\nRUN R --no-save <<EOF\ninstall.packages('b')\nEOF\n"
    assert written(tmp_path, body, {"i.R": "x\ninstall.packages('a')\n"}) == [
        ("other:a", "i.R", 2),
        ("other:b", "Dockerfile", 5),
    ]


def test_a_document_for_python_is_code_in_doubt(tmp_path: Path) -> None:
    for head in ("RUN python3 <<EOF\n", "RUN <<EOF\n#!/usr/bin/env python3\n"):
        content = f"{BASE}{head}import subprocess\nsubprocess.run(['pip', 'install', 'a'])\nEOF\n"
        assert names(declare(tmp_path, {"Dockerfile": content}))[1:] == ["other:python -c"]


def test_only_the_branch_that_the_platform_takes_sets_a_variable(tmp_path: Path) -> None:
    command = (
        'case "$(uname -m)" in x86_64|amd64) A=x; pip install p ;; aarch64) A=y; pip install q ;; esac; '
        "curl -O https://h.example/$A && curl -O https://h.example/$(dpkg --print-architecture)"
    )
    assert names(run_line(tmp_path, command)) == [
        "pypi:p",
        "pypi:q",
        "url:https://h.example/x",
        "url:https://h.example/amd64",
    ]


def test_an_array_is_its_words(tmp_path: Path) -> None:
    assert names(run_line(tmp_path, 'P=(a "b==1") && pip install "${P[@]}" && Q=() && pip install ${Q[*]} c')) == [
        "pypi:a",
        "pypi:b",
        "pypi:c",
    ]


def test_a_script_in_a_substitution_is_fetched_once(tmp_path: Path) -> None:
    assert names(run_line(tmp_path, 'sh -c "$(curl -fsSL https://h.example/i.sh)"')) == ["url:https://h.example/i.sh"]


def test_uv_brings_along_what_it_is_told(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"r.txt": "c\n"}
    command = "uv run --with a,b --with-requirements r.txt --with-editable ./d -- pip install -U e"
    assert names(run_line(tmp_path, command, files)) == ["pypi:c", "local:./d", "pypi:a", "pypi:b", "pypi:e"]


@pytest.mark.parametrize(
    "command",
    [
        "apt-get update && pip install a>=1 b",
        "true && false || pip install a>=1 b > log 2>&1",
        "yes | pip install a>=1 b 2>/dev/null",
        "! pip install a>=1 b",
        "x && yes | pip install a>=1 b; true",
        "(pip install a>=1 b) > log",
        "if true; then pip install a>=1 b; fi > log",
    ],
)
def test_words_behind_a_redirect_belong_to_the_last_command_of_a_list(tmp_path: Path, command: str) -> None:
    assert names(run_line(tmp_path, command)) == ["pypi:a", "pypi:b"]


def test_an_index_behind_a_redirect_counts_in_a_list_too(tmp_path: Path) -> None:
    declared = run_line(tmp_path, f"true && pip install a>=1 --index-url {INDEX}")
    assert verdict(declared).verdict == "needs_exception"


def test_a_document_reaches_the_last_command_of_a_list(tmp_path: Path) -> None:
    script = f"set -e && cat <<EOF > /etc/pip.conf\n[global]\nindex-url={INDEX}\nEOF\npip install a\n"
    assert verdict(run_line(tmp_path, "bash s.sh", {"s.sh": script})).verdict == "needs_exception"
