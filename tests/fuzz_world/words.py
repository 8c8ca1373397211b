"""What mutators put into definitions."""

from __future__ import annotations

SECRET = "FUZZ_SECRET"  # noqa: S105 - the name of a variable, whose value the child makes
OUTSIDE = "@OUTSIDE@"
"""Stands for the folder beside the definition's root; the child puts its path here."""

OPENERS = (
    (b"[", b"]"), (b"{", b"}"), (b"(", b")"), (b"$(", b")"), (b"`", b"`"), (b'{"a":', b"}"), (b"- ", b""),
    (b"[[", b"]]"), (b"if true; then ", b"; fi"), (b"for i in a b; do ", b"; done"), (b"bash -c '", b"'"),
    (b"${A:-", b"}"), (b"{{", b"}}"), (b"! ", b""), (b"a: {b: ", b"}"), (b"a.", b""), (b"ONBUILD ", b""),
    (b'sh -c "', b'"'), (b"case x in x) ", b";; esac"), (b"((", b"))"), (b"<<E\n", b"\nE\n"), (b"not ", b""),
    (b"a[", b"]"), (b"<(", b")"), (b"eval ", b""),
)  # fmt: skip
"""What opens a nesting, and what closes it."""

UNITS = (
    b" ", b"\t", b"a", b"a ", b"a,", b"==1,", b"\\\n", b"${A}", b"$A", b"[a],", b"-", b".", b"a.", b"\\", b"'", b'"',
    b"#", b"\r", b"\x0b", b"a-", b";", b"&&a", b"|a", b"\n", b"\xc3\xa9", b"{{a}}", b"%s", b"--hash=sha256:a ", b"/",
    b"../", b"@", b"::", b"(", b"0", b"9", b"*", b"a a==1 ", b"- a\n", b"RUN a\n", b"<", b"ARG A=$A$A\n",
    b"ENV A=$A$A\n", b"A=$A$A; ", b"&a ", b"*a ", b"? ", b": ", b"{", b"FROM a\n", b"!a ", b"~", b"=", b",a==", b"//",
    b"://", b"a@", b"a:", b"<<A\n", b"`", b"\xff", b"-r a\n", b"[x]\n", b"a=1\n", b"[[a]]\n",
)  # fmt: skip
"""What a flood is made of."""

PATHS = (
    "/etc/passwd", "../../etc/passwd", "../../../../../../../../etc/passwd", f"{OUTSIDE}/requirements.txt",
    "../outside/requirements.txt", "../outside/environment.yml", "../outside", "/proc/self/environ", "/dev/zero",
    "/dev/stdin", "~/.netrc", "~root/x", "file:///etc/passwd", f"file://{OUTSIDE}/requirements.txt", ".", "..", "./",
    "link", "link.txt", "pipe", "link/requirements.txt", "a/../../outside/requirements.txt",
    "..\\outside\\requirements.txt", "\\\\host\\share\\x", "C:\\x", "//etc/passwd",
    "requirements.txt/../../outside/requirements.txt", "%2e%2e/outside/requirements.txt", "x" * 5000, "a/" * 3000,
    f"${SECRET}/x", f"${{{SECRET}}}", "https://h.example/requirements.txt", "http://127.0.0.1:9/x",
    "http://169.254.169.254/x", "http://[::1/x", "https://h.example:port/x", "http://[v1.x]/",
    "git+ssh://git@h.example/o/r.git", "ftp://h.example/x", "http://\u2100/",
)  # fmt: skip
"""Files and addresses that no definition may reach."""

INCLUDES = (
    "-r {}", "-c {}", "--requirement={}", "-e {}", "-f {}", "--find-links {}", "-i {}", "a @ {}", "conda_file: {}",
    "conda_file:\n  {}", "build: {{path: {}}}", "build:\n  path: {0}\n  dockerfile_path: {0}", "environment: {}",
    "environment: file:{}", "component: {}", "code: {}", "RUN pip install -r {}", "RUN conda env create -f {}",
    "RUN bash {}", "RUN . {}", "RUN sh < {}", "RUN uv sync --project {}", "RUN cd {} && pip install .", "COPY {} /x",
    "ADD {} /x", "COPY --from={} /a /b", "COPY . /src\nWORKDIR /src\nRUN pip install -r {}",
    "WORKDIR {}\nRUN pip install -r requirements.txt", "FROM {}", "# syntax={}", "RUN --mount=from={} true",
    "      - -r {}", "conda: {}", "virtualenv: {}", 'a = {{ path = "{}" }}', "spec: {}", "RUN curl {} | sh",
    'dynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = {{file = ["{}"]}}',
    '[tool.uv.workspace]\nmembers = ["{}"]', "RUN cat {} | xargs pip install", "RUN pip install $(cat {})",
    "ENV PIP_REQUIREMENT={}", "ENV PIP_CONFIG_FILE={}", "RUN source {}",
    "RUN --mount=type=bind,source={},target=/x pip install -r /x", "ARG A={}\nRUN pip install -r $A",
)  # fmt: skip
"""Ways to ask for another file."""

VARIABLES = (
    "${%s}", "$%s", "%%%s%%", "{{ env.%s }}", "$(%s)", "${%s:-x}", "https://${%s}@x.example/s", "os.environ/%s",
    "${env:%s}", "$(echo $%s)", "`printenv %s`", "$$(%s)", "${{%s}}", "{{ environ['%s'] }}", "ENV A=$%s\n",
    "RUN pip install $%s\n", "-i ${%s}\n", "ARG %s\nRUN pip install ${%s}\n", "!ENV %s", "!env_var '%s'", "{%%%s%%}",
)  # fmt: skip
"""Ways to ask for a variable of the process."""

WORDS = (
    "-e", "-r", "--", "--hash", "==", "===", "~=", "!=", "@", "#egg=", "::", "<<: ", "&a", "*a",
    "!!python/object/apply:os.system [id]", "!!binary aGk=", "!!timestamp 2024-99-99", "2024-13-45T99:99:99Z",
    "0x" + "f" * 5000, "1" * 5000, "1e400", ".inf", "-.nan", "0o7", "1_0", "12:30:45", "\\ud800", "\\u0000", "\\x00",
    "\\U00110000", "\ufeff", "\u2028", "\u202e", "\x85", "<<EOF", "<<-'E'", "EOF", "%YAML 9.9\n",
    "%TAG ! tag:x,2000:\n", "---\n", "...\n", "--- ", "? ", "|\n", ">-\n", "null", "~", "true", "FROM scratch",
    "FROM", "ONBUILD", "HEALTHCHECK", 'SHELL ["/bin/sh"]\n', "# escape=`\n", "# syntax=a\n", "ARG A\n", "\\\n", "^",
    "@EXPLICIT", "[metadata]", "[[package]]", "version: 99\n", "version = 99\n", "azureml:x@latest",
    "azureml://registries/x/environments/y", "nodefaults", "defaults", "--index-url", "--no-index",
    "python_version < '3'", "; extra == ", "[]", "{}", '"""', "'''", "= = =", "$(", "${", "`", "<(", "((", "[[",
    ";;", "esac", "fi", "done", "# /// script\n", "# ///\n", "\r\n", "\r", "\x00", "\x1a", "_" * 300, "a" * 300,
    "pip install", "conda install -c", "xargs", "eval", "exec", "$'\\x41'", "{a,b}{c,d}{e,f}{g,h}", "{1..99999}",
    "{a,b}" * 30, "$((1+1))", "$((2**99999))", "${A//a/b}", "${!A}", "${A:0:99999999999}",
    "for i in {1..9999999}; do pip install a$i; done", "while true; do pip install a; done", "f() { f | f & }; f",
    "1.0.0.0" * 500, "uv pip install -r", "seq 1 999999999", "$(seq 1 99999)", "printf %999999999s", "\ud7ff", "İ",
    "ß", "ﬁ", "Ⅷ", "a\u0301", "1!2", "1.*", "gAAAA" * 2000, "A=$A$A$A;" * 40 + " pip install $A",
    "ENV A=x\n" + "ENV A=$A$A\n" * 40 + "RUN pip install $A\n",
)  # fmt: skip
"""Words that mean something to one format or another."""
