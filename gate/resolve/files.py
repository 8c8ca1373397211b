"""Which file of a release the target would install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gate.index.project import IndexFile
    from gate.resolve.target import Target


def installed_file(files: Sequence[IndexFile], target: Target, hashes: Collection[str] = ()) -> IndexFile | None:
    """Choose the file as an installer does.

    Args:
        files: all files of one version.
        target: where it would be installed.
        hashes: `sha256:…` that declarations demand; none if they demand nothing.

    Returns:
        The wheel whose tag ranks best, else the source distribution; a yanked one only if nothing else is there.
        None if no file fits.
    """
    fitting = [file for file in files if target.takes(file.requires_python) and (not hashes or file.sha256 in hashes)]
    for group in ([file for file in fitting if file.yanked is None], fitting):
        wheels = [(rank, file) for file in group if file.is_wheel and (rank := _rank(file, target))]
        if wheels:
            return min(wheels, key=lambda pair: pair[0])[1]
        sources = [file for file in group if not file.is_wheel and _is_source(file.filename)]
        if sources:
            return sources[0]
    return None


def _is_source(filename: str) -> bool:
    return filename.endswith((".tar.gz", ".zip", ".tar.bz2", ".tgz"))


def _rank(file: IndexFile, target: Target) -> tuple[int, int, str] | None:
    """Return what wheels are ordered by, the best first: tag, then the highest build; None if it can't be installed."""
    try:
        _, _, build, tags = parse_wheel_filename(file.filename)
    except (InvalidWheelFilename, InvalidVersion):
        return None
    ranks = [target.ranks[tag] for tag in tags if tag in target.ranks]
    return (min(ranks), -(build[0] if build else -1), file.filename) if ranks else None
