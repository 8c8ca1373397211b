"""What a reader of one format is: it recognises text, and it reads it into a `Reading`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gate.environment.reading import Reading
    from gate.environment.text import Text


class Reader(Protocol):
    """One format of environment definitions; a module of this package is one.

    A reader never opens a file itself, never looks at the process environment and never raises for what the text
    says: what it can't understand is a problem on the `Reading`.
    """

    def read(self, text: Text, reading: Reading) -> None:
        """Read the text: references, sources and problems go to `reading`; includes are asked of it."""
        ...
