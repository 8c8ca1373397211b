"""What an index and channels answered, kept as a snapshot: a run without a network answers from it, and says so.

Only answers are kept, never a lack of one: offline, what nobody asked before is not known, which is no answer either.
Addresses are kept without credentials and signatures; nothing is fetched by them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gate.errors import UpstreamError
from gate.http.address import show
from gate.index.conda import CondaFacts, CondaFile
from gate.index.facts import WheelFacts
from gate.index.project import IndexFile, NoSuchProject, Project
from gate.origin.channels import stem_of_component

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gate.index.cache import FactsCache
    from gate.model.image import Component
    from gate.origin.interface import Channels, Index

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - any type, or several of them
    """Return what reads and writes values of a type; made when it is first needed."""
    return TypeAdapter(kind)


class _Snapshot:
    """Answers by key: asked for and kept, or offline taken from what was kept."""

    def __init__(self, store: FactsCache, *, offline: bool) -> None:
        self._cache = store
        self.offline = offline

    def answer(self, key: str, kind: object, ask: Callable[[], T], keep: Callable[[T], T] | None = None) -> T:
        """Ask, and keep what is said (as `keep` makes it); offline, return what was kept.

        Raises:
            UpstreamError: `not_in_snapshot`, or as `ask`.
        """
        if not self.offline:
            found = ask()
            self._cache.put(key, _adapter(kind).dump_json(keep(found) if keep else found))
            return found
        data = self._cache.get(key)
        if data is not None:
            try:
                known: T = _adapter(kind).validate_json(data)
            except ValidationError:
                pass
            else:
                return known
        message = f"`{key.split(' ', 1)[-1][:200]}` was not asked for while there was a network"
        hint = "run once with a network (without `GATE_OFFLINE`), and bring the folder of facts along"
        raise UpstreamError(message, code="not_in_snapshot", hint=hint)


class KeptIndex:
    """A Python index whose answers are kept."""

    def __init__(self, index: Index, store: FactsCache, *, offline: bool) -> None:
        """Ask `index`, or offline nobody."""
        self.name = index.name
        self.bounds = index.bounds
        self._index = index
        self._snapshot = _Snapshot(store, offline=offline)

    @property
    def offline(self) -> bool:
        """Say whether answers are kept ones."""
        return self._snapshot.offline

    def project(self, name: str) -> Project | NoSuchProject:
        """Return what the index has under a name; errors as the index, or `not_in_snapshot`."""
        return self._snapshot.answer(
            f"project/1 {self.name} {name}",
            Project | NoSuchProject,
            lambda: self._index.project(name),
            _without_secrets,
        )

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel; errors as above."""
        key = f"metadata/1 {self.name} {file.sha256} {file.filename}"
        return bytes.fromhex(self._snapshot.answer(key, str, lambda: self._index.metadata(file).hex()))

    def wheel(self, file: IndexFile) -> WheelFacts:
        """Return what a wheel holds; errors as above."""
        key = f"wheel/1 {self.name} {file.sha256} {file.filename}"
        return self._snapshot.answer(key, WheelFacts, lambda: self._index.wheel(file))


class KeptChannels:
    """Conda channels whose answers are kept."""

    def __init__(self, channels: Channels, store: FactsCache, *, offline: bool) -> None:
        """Ask `channels`, or offline nobody."""
        self._channels = channels
        self._snapshot = _Snapshot(store, offline=offline)

    @property
    def offline(self) -> bool:
        """Say whether answers are kept ones."""
        return self._snapshot.offline

    def name_of(self, place: str) -> str:
        """Return how policy calls a channel; nothing if it lists none such."""
        return self._channels.name_of(place)

    def look_up(self, name: str, wanted: Sequence[Component]) -> Mapping[str, tuple[CondaFile, ...]]:
        """Return what the channel has of the components; offline all of them must have been asked for before."""
        found = {} if self._snapshot.offline else self._channels.look_up(name, wanted)
        stems = sorted({stem_of_component(one) for one in wanted})
        return {stem: self._listed(name, stem, found.get(stem, ())) for stem in stems}

    def _listed(self, name: str, stem: str, found: tuple[CondaFile, ...]) -> tuple[CondaFile, ...]:
        return self._snapshot.answer(f"listed/1 {name} {stem}", tuple[CondaFile, ...], lambda: found, _shown)

    def facts(self, file: CondaFile) -> CondaFacts:
        """Return what a package holds; errors as the channel, or `not_in_snapshot`."""
        key = f"package/1 {file.sha256} {file.filename}"
        return self._snapshot.answer(key, CondaFacts, lambda: self._channels.facts(file))

    def prefixed(self, file: CondaFile, facts: CondaFacts, prefix: str) -> Mapping[str, str]:
        """Return the sha256 that files have once the prefix is written into them; errors as above."""
        key = f"prefixed/1 {file.sha256} {prefix}"
        return self._snapshot.answer(key, dict[str, str], lambda: self._channels.prefixed(file, facts, prefix))


def _without_secrets(found: Project | NoSuchProject) -> Project | NoSuchProject:
    if isinstance(found, NoSuchProject):
        return found
    return replace(found, files=tuple(replace(file, url=show(file.url)) for file in found.files))


def _shown(files: tuple[CondaFile, ...]) -> tuple[CondaFile, ...]:
    return tuple(file.model_copy(update={"url": show(file.url)}) for file in files)
