"""Do the same for many, a few at once: registries answer slowly and bear several questions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def each(function: Callable[[_Given], _Made], many: Iterable[_Given], workers: int) -> tuple[_Made, ...]:
    """Return what the function makes of each, in order; the first error in that order is raised when all have ended.

    With one worker they go one after the other and nothing follows an error.
    """
    if workers == 1:
        return tuple(function(one) for one in many)
    with ThreadPoolExecutor(workers, thread_name_prefix="promotion") as pool:
        begun = [pool.submit(function, one) for one in many]
        try:
            return tuple(future.result() for future in begun)
        finally:
            for future in begun:
                future.cancel()
