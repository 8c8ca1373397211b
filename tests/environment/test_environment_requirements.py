"""Requirements files, read as pip reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import brief, declare, errors, lines, names, verdict

PLAIN = [
    ("Flask==2.0", ("pypi", "flask", "==2.0", "pypi")),
    ("A.B-C_D", ("pypi", "a-b-c-d", "", "pypi")),
    ("name [fred,bar] >=1 , <2 ; python_version<'3'", ("pypi", "name", ">=1 , <2", "pypi")),
    ("name (>=1)", ("pypi", "name", ">=1", "pypi")),
    ("torch==2.0+cu118  # why", ("pypi", "torch", "==2.0+cu118", "pypi")),
    ("x=={{latest-pypi-version}}", ("pypi", "x", "=={{latest-pypi-version}}", "pypi")),
    ("x=={{latest-pypi-version:pre}}", ("pypi", "x", "=={{latest-pypi-version:pre}}", "pypi")),
    ("x[a]==${V}", ("pypi", "x", "==${V}", "pypi")),
    ("name@http://foo.example", ("url", "http://foo.example", "", "foo.example")),
    ("name [x] @ http://foo.example/a.whl ; m", ("url", "http://foo.example/a.whl", "", "foo.example")),
    ("https://h.example/a-1.0.zip#sha256=" + "a" * 64, ("url", "https://h.example/a-1.0.zip", "", "h.example")),
    ("git+https://h.example/o/r.git@v1#egg=r", ("vcs", "git+https://h.example/o/r.git", "v1", "h.example")),
    ("t @ git+ssh://git@h.example/o/r", ("vcs", "git+ssh://h.example/o/r", "", "h.example")),
    ("git@h.example:o/r.git", ("vcs", "git@h.example:o/r.git", "", "h.example")),
    ("-e git://h.example/o/r.git@abc#egg=r", ("vcs", "git://h.example/o/r.git", "abc", "h.example")),
    ("-e svn+http://h.example/svn/trunk@12#egg=D", ("vcs", "svn+http://h.example/svn/trunk", "12", "h.example")),
    ("--editable=.[PDF]", ("local", ".", "", ".")),
    ("-e ./a#egg=x", ("local", "./a", "", "./a")),
    ("./downloads/p-1.0.tar.gz", ("local", "./downloads/p-1.0.tar.gz", "", "./downloads/p-1.0.tar.gz")),
    ("some/path", ("local", "some/path", "", "some/path")),
    ("p-1.0-py3-none-any.whl", ("local", "p-1.0-py3-none-any.whl", "", "p-1.0-py3-none-any.whl")),
    ("file:///opt/p.whl", ("local", "/opt/p.whl", "", "/opt/p.whl")),
    ("$NAME", ("pypi", "$NAME", "", "?unresolved_variable")),
    ("{{name}}==1", ("pypi", "{{name}}==1", "", "?template")),
    ("https://${HOST}/a.whl", ("url", "https://${HOST}/a.whl", "", "?unresolved_variable")),
]


@pytest.mark.parametrize(("line", "expected"), PLAIN, ids=[line[:30] for line, _ in PLAIN])
def test_a_line_is_read_as_pip_reads_it(tmp_path: Path, line: str, expected: tuple[str, str, str, str]) -> None:
    declared = declare(tmp_path, {"requirements.txt": line + "\n"})
    assert brief(declared) == [expected]
    assert errors(declared) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("test>>1.2.0", "invalid_requirement"),
        ("test=>1.2.0", "invalid_requirement"),
        ("<<<<<<< HEAD", "invalid_requirement"),
        ("'mlflow==2.3.1',", "invalid_requirement"),
        ("--wrong-option x", "unknown_option"),
        ("--index-url", "invalid_option"),
        ("-e 'x", "invalid_option"),
        ("x\n-e ''", "invalid_requirement"),
    ],
)
def test_what_pip_refuses_makes_the_file_unparseable(tmp_path: Path, content: str, code: str) -> None:
    declared = declare(tmp_path, {"requirements.txt": f"numpy\n{content}\n"})
    assert code in errors(declared)
    assert verdict(declared).verdict == "unparseable"


@pytest.mark.parametrize(
    "option",
    [
        "--extra-index-url https://x.example/simple",
        "--extra-index-url=https://x.example/simple",
        "--extra-index=https://x.example/simple",
        "--extra https://x.example/simple",
    ],
)
def test_an_extra_index_reaches_every_name_however_it_is_spelled(tmp_path: Path, option: str) -> None:
    declared = declare(tmp_path, {"requirements.txt": f"a\n-r b.txt\n{option}\n", "b.txt": "b\n"})
    assert brief(declared) == [
        ("pypi", "a", "", "pypi+https://x.example/simple"),
        ("pypi", "b", "", "pypi+https://x.example/simple"),
    ]
    assert verdict(declared).verdict == "needs_exception"


def test_the_last_index_replaces_the_first_and_a_page_of_links_joins_it(tmp_path: Path) -> None:
    content = "-i https://one.example/s\n-ihttps://two.example/s\n-f https://l.example/page.html\n-f dir/\na\n"
    declared = declare(tmp_path, {"requirements.txt": content})
    assert brief(declared) == [("pypi", "a", "", "https://two.example/s+https://l.example/page.html+dir/")]
    assert len(declared.sources) == 4


def test_no_index_leaves_only_the_links(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "a\n--no-index\n--find-links=file:///local/\n"})
    assert brief(declared) == [("pypi", "a", "", "/local/")]


def test_no_index_without_links_leaves_nowhere(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "a\n--no-index\n"})
    assert brief(declared) == [("pypi", "a", "", "?no_index")]
    assert verdict(declared).verdict == "needs_exception"


def test_a_nested_file_brings_its_options_along(tmp_path: Path) -> None:
    declared = declare(
        tmp_path,
        {"requirements.txt": "a\n-r n/b.txt\n", "n/b.txt": "-i https://x.example\n-r ../c.txt\n", "c.txt": "c"},
    )
    assert brief(declared) == [("pypi", "a", "", "https://x.example"), ("pypi", "c", "", "https://x.example")]
    assert declared.files == ("requirements.txt", "n/b.txt", "c.txt")


def test_constraints_are_no_references_but_their_options_count(tmp_path: Path) -> None:
    declared = declare(
        tmp_path, {"requirements.txt": "a\n-c c.txt\n", "c.txt": "--extra-index-url https://x.example\nb==1\n-e ./z\n"}
    )
    assert brief(declared) == [("pypi", "a", "", "pypi+https://x.example")]


def test_a_missing_constraint_is_a_warning_and_a_missing_file_blocks(tmp_path: Path) -> None:
    declared = declare(
        tmp_path, {"requirements.txt": "a\n-c gone.txt\n-r gone2.txt\n-r ${X}/y.txt\n-r https://h.example/r.txt\n"}
    )
    assert sorted(brief(declared)) == [
        ("other", "${X}/y.txt", "", "?unresolved_variable"),
        ("other", "gone2.txt", "", "?missing_file"),
        ("pypi", "a", "", "pypi"),
        ("url", "https://h.example/r.txt", "", "h.example"),
    ]
    assert errors(declared) == []
    assert verdict(declared).verdict == "needs_exception"


def test_continuations_comments_and_hashes(tmp_path: Path) -> None:
    digest = "a" * 64
    content = (
        "# a comment that ends in a backslash \\\n"
        "numpy==1.0 \\\n"
        f"    --hash=sha256:{digest} \\\n"
        "    --hash=md5:xyz\n"
        "a \\\n"
        "  # ends the line \\\n"
        "b\n"
        "c \\\n"
    )
    declared = declare(tmp_path, {"requirements.txt": content})
    assert lines(declared) == [("numpy", 2), ("a", 5), ("b", 7), ("c", 8)]
    assert declared.references[0].hashes == (f"sha256:{digest}",)


def test_a_form_feed_ends_a_comment_for_pip_and_so_it_does_here(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "numpy # harmless\x0cgit+https://evil.example/x\n"})
    assert names(declared) == ["pypi:numpy", "vcs:git+https://evil.example/x"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf# comment\r\nnumpy\r\n",
        "# comment\nnumpy\n".encode("utf-16"),
        b"\xff\xfe\x00\x00" + "# comment\nnumpy\n".encode("utf-32-le"),
        b"# caf\xe9\nnumpy\n",
    ],
    ids=["utf-8 mark", "utf-16", "utf-32", "latin-1"],
)
def test_encodings(tmp_path: Path, data: bytes) -> None:
    assert lines(declare(tmp_path, {"requirements.txt": data})) == [("numpy", 2)]


@pytest.mark.parametrize("data", [b"numpy\x00\n", b"\xff\xfen\xd8"], ids=["NUL", "broken utf-16"])
def test_bytes_that_are_no_text_are_an_error(tmp_path: Path, data: bytes) -> None:
    declared = declare(tmp_path, {"requirements.txt": data})
    assert errors(declared) == ["not_text"]
    assert declared.references == ()


def test_a_coding_that_reads_otherwise_is_refused(tmp_path: Path) -> None:
    hidden = "# -*- coding: utf-7 -*-\nnumpy\n# +AAo-git+-https://evil.example/x\n"
    assert errors(declare(tmp_path, {"requirements.txt": hidden})) == ["encoding"]
    assert errors(declare(tmp_path, {"requirements.txt": "# vim: fileencoding=utf-8\nnumpy\n"})) == []


def test_a_file_that_says_nothing_proves_nothing(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"requirements.txt": "# only a comment\n\n"})
    assert errors(declared) == ["nothing_declared"]
    assert verdict(declared).verdict == "unparseable"


def test_credentials_in_an_index_address_are_nowhere_in_what_was_read(tmp_path: Path) -> None:
    content = (
        "--extra-index-url https://user:s3cret@x.example/simple\n"
        "a @ https://tok3n@h.example/a.whl?sig=s1gn\ngit+https://p4t@g.example/o/r@v1\n"
    )
    told = declare(tmp_path, {"requirements.txt": content}).model_dump_json()
    assert not [one for one in ("s3cret", "tok3n", "s1gn", "p4t") if one in told]


@pytest.mark.parametrize(
    "address",
    [
        "https://pypi.example/simple",
        "https://{host}.evil.example/simple",
        "https://{host}@evil.example/simple",
        "http://{host}/simple",
        "https://{host}:8443/simple",
        "https://{host}/other",
        "https://evil.example/{host}/simple",
        "https://evil.example/simple?{host}/simple",
        "//{host}/simple",
    ],
)
def test_what_only_looks_like_pypi_is_not(tmp_path: Path, address: str) -> None:
    from urllib.parse import urlsplit  # noqa: PLC0415 - beside the constant that it takes apart

    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415 - a heavy import for one test

    content = f"-i {address.format(host=urlsplit(PYPI_SIMPLE_ENDPOINT).hostname)}\na\n"
    assert verdict(declare(tmp_path, {"requirements.txt": content})).verdict == "needs_exception"


def test_pypi_by_its_own_address_is_pypi(tmp_path: Path) -> None:
    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415 - a heavy import for one test

    declared = declare(tmp_path, {"requirements.txt": f"--index-url {PYPI_SIMPLE_ENDPOINT}\na\n"})
    assert brief(declared) == [("pypi", "a", "", "pypi")]
    assert verdict(declared).verdict == "safelisted"


@pytest.mark.parametrize(
    "option", ["--extra-index-url https://x.example/s", "--index-url=https://x.example/s", "-i https://x.example/s"]
)
def test_an_index_behind_a_requirement_is_not_passed_over(tmp_path: Path, option: str) -> None:
    declared = declare(tmp_path, {"requirements.txt": f"a {option}\nb\n"})
    assert brief(declared) == [
        ("pypi", "a", "", "pypi+https://x.example/s"),
        ("pypi", "b", "", "pypi+https://x.example/s"),
    ]
    assert verdict(declared).verdict == "needs_exception"


def test_links_behind_a_requirement_are_not_passed_over(tmp_path: Path) -> None:
    content = "channels: [conda-forge]\ndependencies: [pip, pip: [a --find-links ./w]]\n"
    declared = declare(tmp_path, {"environment.yml": content})
    assert brief(declared)[1:] == [("pypi", "a", "", "pypi+./w")]
    assert verdict(declared).verdict == "needs_exception"


def test_an_index_behind_a_requirement_replaces_none(tmp_path: Path) -> None:
    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415 - a heavy import for one test

    content = f"--index-url https://x.example/s\na --index-url {PYPI_SIMPLE_ENDPOINT}\n"
    assert brief(declare(tmp_path, {"requirements.txt": content})) == [("pypi", "a", "", "https://x.example/s+pypi")]


def test_a_relative_file_address_is_a_path(tmp_path: Path) -> None:
    assert names(declare(tmp_path, {"requirements.txt": "file:./x.whl\n"})) == ["local:./x.whl"]
