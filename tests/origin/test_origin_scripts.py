"""The texts of installers are known, so that what is none of them shows."""

from __future__ import annotations

import hashlib

import pytest

from gate.origin.scripts import is_known_script

PYTHONS = ("/usr/bin/python3", "/opt/venv/bin/python")
BODIES = {
    "pip 20": r"""# -*- coding: utf-8 -*-
import re
import sys
from flask.cli import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit(main.run())
""",
    "pip 25.3": """import sys
from flask.cli import main
if __name__ == '__main__':
    if sys.argv[0].endswith('.exe'):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(main.run())
""",
    "pip 26": """import sys
from flask.cli import main
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit(main.run())
""",
    "distlib 0.4": r"""# -*- coding: utf-8 -*-
import re
import sys
if __name__ == '__main__':
    from flask.cli import main
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit(main.run())
""",
    "installer 0.7": r"""# -*- coding: utf-8 -*-
import re
import sys
from flask.cli import main
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\.pyw|\.exe)?$", "", sys.argv[0])
    sys.exit(main.run())
""",
    "uv 0.9": """# -*- coding: utf-8 -*-
import sys
from flask.cli import main
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(main.run())
""",
}


def known(text: str, target: str = "flask.cli:main.run") -> bool:
    return is_known_script(hashlib.sha256(text.encode()).hexdigest(), target, PYTHONS)


@pytest.mark.parametrize("installer", BODIES)
def test_what_installers_write_is_known(installer: str) -> None:
    for python in PYTHONS:
        assert known(f"#!{python}\n{BODIES[installer]}")


@pytest.mark.parametrize("installer", BODIES)
def test_any_other_text_is_not(installer: str) -> None:
    text = f"#!{PYTHONS[0]}\n{BODIES[installer]}"
    assert not known(text + "\n")
    assert not known(text.replace("/usr/bin", "/tmp"))  # noqa: S108 - a path in a script that is refused
    assert not known(text, "flask.cli:main")
    assert not known(text, "flask:main.run")
    assert not known(BODIES[installer])


@pytest.mark.parametrize("target", ["", "flask.cli", "flask.cli:"])
def test_an_entry_point_without_a_function_has_no_script(target: str) -> None:
    assert not known(f"#!{PYTHONS[0]}\n{BODIES['pip 26']}", target)
