"""What a registry keeps of what is deleted: deleted is not erased, and where nobody can say, that is said."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Value


class SoftDelete(Value):
    """What a registry keeps of what is deleted. `off` is its own word; where nobody could be asked it is `unknown`.

    `days` is for how long it can be recovered where it is `on`. Nothing here says that bytes are erased.
    """

    state: Literal["on", "off", "unknown"] = "unknown"
    days: int = 0
