"""What installers write for an entry point: known texts, so that a script that somebody changed is told from them.

Sources: pip up to 25.2, 25.3 and 26 (`distlib.scripts`, `pip._internal.operations.install.wheel`), `installer` 0.7
(Poetry, PDM), uv 0.9; conda and rattler for noarch packages. A text that is none of these proves nothing, for there
are other installers.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CODING = "# -*- coding: utf-8 -*-\n"
_IMPORT = "from {module} import {name}\n"
_SINGLE, _DOUBLE = "if __name__ == '__main__':\n", 'if __name__ == "__main__":\n'
_EXIT = "    sys.exit({call}())\n"
_CONDA = "sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
_PATTERN = "    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n"

_TEXTS = (
    "import sys\n" + _IMPORT + _SINGLE + "    sys.argv[0] = sys.argv[0].removesuffix('.exe')\n" + _EXIT,
    "import sys\n"
    + _IMPORT
    + _SINGLE
    + "    if sys.argv[0].endswith('.exe'):\n        sys.argv[0] = sys.argv[0][:-4]\n"
    + _EXIT,
    _CODING + "import re\nimport sys\n" + _IMPORT + _SINGLE + _PATTERN + _EXIT,
    _CODING + "import re\nimport sys\n" + _IMPORT + _DOUBLE + _PATTERN.replace("'", '"') + _EXIT,
    _CODING + "import re\nimport sys\n" + _SINGLE + "    " + _IMPORT + _PATTERN + _EXIT,
    _CODING
    + "import sys\n"
    + _IMPORT
    + _DOUBLE
    + '    if sys.argv[0].endswith("-script.pyw"):\n        sys.argv[0] = sys.argv[0][:-11]\n'
    + '    elif sys.argv[0].endswith(".exe"):\n        sys.argv[0] = sys.argv[0][:-4]\n'
    + _EXIT,
    *(
        f"{_CODING}import re\nimport sys\n\n{_IMPORT}\n{_SINGLE}{indent}{_CONDA}{indent}sys.exit({{call}}())\n"
        for indent in ("    ", "\t")
    ),
)


def is_known_script(sha256: str, target: str, interpreters: Iterable[str]) -> bool:
    """Say whether a script is what an installer writes for an entry point.

    Args:
        sha256: of the script, hexadecimal.
        target: the entry point, `module:attribute`.
        interpreters: absolute paths that may stand in its first line.
    """
    module, _, call = target.partition(":")
    name = call.partition(".")[0]
    texts = [text.format(module=module, name=name, call=call) for text in _TEXTS] if call else []
    return any(hashlib.sha256(one).hexdigest() == sha256 for one in _written(texts, interpreters))


def _written(texts: Iterable[str], interpreters: Iterable[str]) -> Iterator[bytes]:
    bodies = [text.encode() for text in texts]
    for interpreter in interpreters:
        yield from (b"#!" + interpreter.encode() + b"\n" + body for body in bodies)
