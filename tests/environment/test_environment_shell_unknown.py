"""What hides an installer: names of one's own, scripts nobody can read, programs that few know."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import declare, names, run_line, verdict

BRINGING = [
    # package managers and build tools
    ("nix-env -i hello", ["other:hello"]),
    ("nix-env -iA a.b -f https://h.example/n", ["url:https://h.example/n", "other:a.b"]),
    ("cpan -i Foo && cpanm Foo::Bar", ["other:Foo", "other:Foo::Bar"]),
    ("emerge =dev-lang/a-3 @world", ["os:dev-lang/a-3", "os:world"]),
    ("xbps-install -Sy a && swupd bundle-add b && eopkg it -y c", ["os:a", "os:b", "os:c"]),
    ("dnf5 install a && yay -S b && apt-fast install c && nala install d", ["os:a", "os:b", "os:c", "os:d"]),
    ("debootstrap bookworm /m https://h.example/debian", ["os:bookworm"]),
    ("debootstrap bookworm /m", ["os:bookworm"]),
    ("kubectl krew install ctx", ["other:ctx"]),
    ("deno install -A https://h.example/x.ts", ["url:https://h.example/x.ts"]),
    ("deno add jsr:@a/b c", ["other:jsr:@a/b"]),
    ("deno add c", ["other:c"]),
    ("deno run main.ts", ["other:deno.json"]),
    ("bunx a && npm create vite && pnpm exec b", ["other:a", "other:vite", "other:b"]),
    ("pixi install", ["other:pixi.toml"]),
    ("stack build && cabal build && cabal install x", ["other:stack.yaml", "other:cabal.project", "other:x"]),
    ("gradle bootJar && mvn test && sbt compile", ["other:build.gradle", "other:pom.xml", "other:build.sbt"]),
    ("guix package -i a && rosdep install -y", ["other:a", "other:package.xml"]),
    # fetchers
    ("rsync -av -e 'ssh -p 2' rsync://h.example/m/x /x", ["url:rsync://h.example/m/x"]),
    ("rsync h.example::m/x y.example:/z /x", ["url:h.example::m/x", "url:y.example:/z"]),
    ("rsync -a $FROM:/z /x", ["url:$FROM:/z"]),
    ("scp -P 22 me@h.example:/d /x", ["url:me@h.example:/d"]),
    ("sftp -b batch me@h.example", ["url:me@h.example"]),
    ("ftp ftp://h.example/x", ["url:ftp://h.example/x"]),
    ("lftp -c 'open ftp://h.example; get x'", ["url:ftp://h.example"]),
    ("lftp -c 'open h; get x'", ["url:open h; get x"]),
    ("http GET https://h.example/x && https h.example/y", ["url:https://h.example/x", "url:h.example/y"]),
    ("lynx -dump https://h.example/x && w3m h.example/y", ["url:https://h.example/x", "url:h.example/y"]),
    ("toybox wget https://h.example/x", ["url:https://h.example/x"]),
    # programs as text
    ("perl -MCPAN -e 'install Foo::Bar'", ["other:Foo::Bar"]),
    ("""perl -MCPAN -e 'CPAN::Shell->install($x)'""", ["other:x"]),
    ("""perl -MCPAN -e 'CPAN::Shell->install("$")'""", ["other:perl -MCPAN"]),
    ("""ruby -ropen-uri -e 'URI.open("https://h.example/x")'""", ["url:https://h.example/x"]),
    ("""perl -e 'system("pip install x")'""", ["other:perl -e"]),
    ("""php -r "copy('https://h.example/i', 'i.php');" """, ["url:https://h.example/i"]),
    ("""node -e 'require("child_process").execSync("npm i x")'""", ["other:node -e"]),
    # scripts that nobody can read
    ('eval "$X"', ["other:$X"]),
    ('bash -c "$X"', ["other:$X"]),
    ('bash -c "$(cat x)"', ["other:x"]),
    ('eval "$(base64 -d x)"', ["other:$(base64 -d x)"]),
    ("base64 -d x.b64 | sh", ["other:$(base64 -d x.b64)"]),
    ("echo cGlw | base64 -d | sh", ["other:$(base64 -d)"]),
    ('trap "$X" EXIT', ["other:$X"]),
    # a program that nobody knows
    ("foo --from=https://h.example/x", ["url:https://h.example/x"]),
    ("foo s3://b/k oci://h.example/x", ["url:s3://b/k", "url:oci://h.example/x"]),
    ("foo https://h.example/$X", ["url:https://h.example/$X"]),
]


@pytest.mark.parametrize(("command", "expected"), BRINGING)
def test_what_brings_something_in_is_named_and_never_safelisted(
    tmp_path: Path, command: str, expected: list[str]
) -> None:
    declared = run_line(tmp_path, command)
    assert names(declared) == expected
    assert verdict(declared).verdict == "needs_exception"


@pytest.mark.parametrize(
    "command",
    [
        "alias p=pip; p install a",
        "alias p='pip install'; p a",
        'p() { pip "$@"; }; p install a',
        "p() { command pip $*; }; p install a",
        'one() { two "$@"; }; two() { pip "$@"; }; one install a',
        "$(which pip) install a",
        "`which pip` install a",
        "P=$(command -v pip3) && $P install a",
        "timeout -k 5 -s KILL 60 pip install a",
        "flock -w 5 /l pip install a",
        "flock /l -c 'pip install a'",
        "script -qc 'pip install a' /dev/null",
        "strace -f -o /l pip install a",
        "trap 'pip install a' EXIT",
        "toybox nice -n 3 pip install a",
    ],
)
def test_pip_is_pip_however_it_is_called(tmp_path: Path, command: str) -> None:
    assert set(names(run_line(tmp_path, command))) == {"pypi:a"}


def test_each_call_of_a_function_installs_what_it_is_given(tmp_path: Path) -> None:
    found = names(run_line(tmp_path, 'p() { apt-get install -y "$1" $2; }; p a b; p c'))
    assert [one for one in found if "$" not in one] == ["os:a", "os:b", "os:c"]


@pytest.mark.parametrize(
    "command",
    [
        "loop() { loop \"$1\"; }; loop a; alias ls='ls -l' && ls; alias a=b b=a; a; alias",
        "echo https://h.example/x && sed -i s,https://h.example/x,y, f && test -n https://h.example/x",
        "printf %s https://h.example/x | grep https://h.example && export U=https://h.example/x",
        "git config --global url.x.insteadOf https://h.example && npm config set a https://h.example",
        "foo a https:/x 'see https://h.example/x for more'",
        "rsync -a /context/. . && rsync a /x h.example:/y && scp /x me@h.example:/y",
        """perl -pi -e 's|http://a.example|https://b.example|' f && perl Makefile.PL && node app.js && php -v""",
        "perl -MCPAN -e 'print 1' && ruby -e 'puts 1' && perl -e 'exec(\"ls\")'",
        "nix-env -q a && nix-env --uninstall a && gradle clean && mvn --version && sbt && deno --version && deno fmt x",
        "http --version && lynx --version && rsync --version && swupd && kubectl version && emerge --sync",
        'eval "$(ssh-agent -s)" && eval "$(/opt/conda/bin/conda shell.bash hook)"',
        "base64 -d x > y && cat a.gz | gunzip > b",
    ],
)
def test_what_only_looks_changes_text_or_sends_brings_nothing_in(tmp_path: Path, command: str) -> None:
    assert names(run_line(tmp_path, command)) == []


def test_a_script_that_is_there_is_read_instead(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"x": "pip install a\n"}
    assert names(run_line(tmp_path, 'bash -c "$(cat x)" && cat x | sh', files)) == ["pypi:a", "pypi:a"]


def test_a_script_that_was_downloaded_stands_for_itself(tmp_path: Path) -> None:
    content = (
        'FROM mcr.microsoft.com/base:1\nRUN curl -o /x.sh https://h.example/x.sh && bash -c "$(cat /x.sh)"\n'
        "RUN curl https://h.example/y | base64 -d | sh\n"
    )
    assert names(declare(tmp_path, {"Dockerfile": content}))[1:] == [
        "url:https://h.example/x.sh",
        "url:https://h.example/y",
    ]
