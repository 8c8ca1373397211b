"""Conda channels as one run asks them: each once, for all of its packages together."""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import Future
from typing import TYPE_CHECKING

from gate.model.origin import Kind
from gate.origin.channels import stem_of_component
from gate.origin.conda import channel_of, site_of_python
from gate.origin.kept import KeptChannels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gate.index.conda import CondaFile
    from gate.model.image import Component
    from gate.origin.interface import Channels, InstalledFiles

_PYTHON = "python"


class ChannelDesk:
    """Asks channels for one image. Safe between threads."""

    def __init__(self, channels: Channels, components: Iterable[Component], files: InstalledFiles) -> None:
        """Gather what each channel will be asked for; ask nobody yet."""
        self.channels = channels
        self.told = {"answers": "kept"} if isinstance(channels, KeptChannels) and channels.offline else {}
        self._files = files
        self._lock = threading.Lock()
        self._answers: dict[str, Future[Mapping[str, tuple[CondaFile, ...]]]] = {}
        self._wanted: dict[str, list[Component]] = defaultdict(list)
        self._pythons: dict[str, Component] = {}
        for component in components:
            if component.kind is not Kind.CONDA:
                continue
            if component.name == _PYTHON:
                self._pythons.setdefault(component.path.rpartition("/")[0], component)
            place = channel_of(component.facts.get("url", "") or component.facts.get("channel", ""))
            if not component.in_base and (name := channels.name_of(place)):
                self._wanted[name].append(component)

    def files(self, name: str, component: Component) -> Sequence[CondaFile]:
        """Return what the channel has under a component's name, version and build; errors as the channel's."""
        with self._lock:
            future = self._answers.get(name)
            first = future is None
            if future is None:
                future = self._answers[name] = Future()
        if first:
            try:
                future.set_result(self.channels.look_up(name, self._wanted[name]))
            except BaseException as error:  # noqa: BLE001 - whoever waits for the answer gets the same error
                future.set_exception(error)
        return future.result().get(stem_of_component(component), ())

    def python_site(self, component: Component) -> str:
        """Return the folder of Python packages in the component's environment; nothing if it has no Python."""
        python = self._pythons.get(component.path.rpartition("/")[0])
        return site_of_python(self._files.metadata(python), python.version) if python is not None else ""
