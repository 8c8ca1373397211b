"""Conda channels as one machine asks them: records from repodata, by a child of bounded memory, and packages as data.

The addresses are policy's and the configuration's. What an image says of its channel is a name to look up and never
an address to ask.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

from gate.environment.places import conda_channel
from gate.errors import BoundError, UpstreamError
from gate.index.conda import CondaFile
from gate.model.redact import redact
from gate.resolve.child import PrivateFolder, clean_environment, own_program, run_child
from gate.resolve.relay import Relay, places_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gate.index.conda import CondaFacts
    from gate.index.packages import CondaPackages
    from gate.model.image import Component
    from gate.policy.schema import CondaChannel
    from gate.resolve.settings import ResolveConfig

_SUBDIR = re.compile(r"(?:noarch|(?:linux|osx|win|freebsd|zos|emscripten|wasi)-[a-z0-9_]+)")
_NOARCH, _USUAL = "noarch", "linux-64"
_SAID = 600


class CondaChannels:
    """The channels that policy lists, at the addresses where this machine reaches them."""

    def __init__(
        self,
        listed: Sequence[CondaChannel],
        config: ResolveConfig,
        packages: CondaPackages,
        *,
        cache: Path | None = None,
    ) -> None:
        """Ask nobody yet.

        Args:
            listed: policy's channels, by name and the addresses under which they are known.
            config: how this machine reaches them, and what an exchange may cost.
            packages: reads packages.
            cache: folder in which repodata is kept between runs; none for an empty one each time.
        """
        self._listed = tuple(listed)
        self._config = config
        self._packages = packages
        self._cache = cache

    def name_of(self, place: str) -> str:
        """Return how policy calls a channel; nothing if it lists none of that name or address."""
        known = conda_channel(place).location
        return next((one.name for one in self._listed if one.name == known or place.rstrip("/") in one.urls), "")

    def look_up(self, name: str, wanted: Sequence[Component]) -> dict[str, tuple[CondaFile, ...]]:
        """Return what the channel's repodata has of the components, by `name-version-build`.

        Raises:
            UpstreamError: `channel_address_unknown`, or the channel or the child failed.
            BoundError: too many packages, or the child took too long or said too much.
            GateError: the child can't be started.
        """
        if len(wanted) > self._packages.bounds.names:
            message = f"`{name}` would be asked for {len(wanted)} packages"
            raise BoundError(message, code="too_many_packages", hint="raise the bounds for conda packages")
        address = self._address(name)
        if not address:
            message = f"where the channel `{name}` is reached is not known"
            hint = "give its `urls` in the safelist, or its address in the settings"
            raise UpstreamError(message, code="channel_address_unknown", hint=hint)
        found: dict[str, tuple[CondaFile, ...]] = {}
        for file in _files(self._ask(address, wanted), address):
            found[file.stem] = (*found.get(file.stem, ()), file)
        return found

    def facts(self, file: CondaFile) -> CondaFacts:
        """Return what a package holds; errors as `CondaPackages`."""
        return self._packages.facts(file)

    def prefixed(self, file: CondaFile, facts: CondaFacts, prefix: str) -> Mapping[str, str]:
        """Return the sha256 that files have once the prefix is written into them; errors as `CondaPackages`."""
        return self._packages.prefixed(file, facts, prefix)

    def _address(self, name: str) -> str:
        urls = next((one.urls for one in self._listed if one.name == name), ())
        return (self._config.addresses.get(name) or next(iter(urls), "")).rstrip("/")

    def _ask(self, address: str, wanted: Sequence[Component]) -> list[dict[str, Any]]:
        """Let the child read repodata; its only way out is a relay that lets it to this one channel."""
        from gate.http.client import HttpClient  # noqa: PLC0415 - it takes a while to import
        from gate.resolve.pages import Pages  # noqa: PLC0415 - as above

        bounds, config = self._packages.bounds, self._config
        with ExitStack() as stack:
            folder = stack.enter_context(closing(PrivateFolder()))
            home = folder.path / "home"
            home.mkdir()
            pages = stack.enter_context(closing(Pages(HttpClient(config.http), (), lambda _: True, config.bounds)))
            relay = stack.enter_context(Relay((), lambda: pages, config, places=places_of([address])))
            question = {
                "channel": address,
                "subdirs": sorted({_NOARCH, _USUAL, *(subdir for one in wanted if (subdir := _subdir(one)))}),
                "names": sorted({one.name for one in wanted}),
                "stems": sorted({stem_of_component(one) for one in wanted}),
                # The child runs in a folder of its own.
                "cache": str((self._cache or folder.path / "cache").absolute()),
                "memory": bounds.worker_bytes,
            }
            proxy = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), relay.proxy)
            ended = run_child(
                # `-I`: no path of the working directory, no `PYTHON*` variable, no packages of the user's own.
                own_program("gate.resolve.conda_records"),
                clean_environment(home, proxy),
                folder=home,
                given=json.dumps(question).encode(),
                seconds=bounds.seconds,
                most=bounds.output_bytes,
            )
        return _answer(ended.code, ended.output, ended.errors)


def stem_of_component(component: Component) -> str:
    """Return `name-version-build`, as the file of the package is called without the ending of its format."""
    return f"{component.name}-{component.version}-{component.facts.get('build', '')}"


def _subdir(component: Component) -> str:
    said = component.facts.get("subdir", "")
    return said if _SUBDIR.fullmatch(said) else ""


def _answer(code: int, output: bytes, errors: bytes) -> list[dict[str, Any]]:
    try:
        answer: Any = json.loads(output)
    except ValueError:
        answer = None
    records = answer.get("records") if isinstance(answer, dict) else None
    if code == 0 and isinstance(records, list):
        return records
    said = answer.get("why", "") if isinstance(answer, dict) else errors.decode("utf-8", "replace").strip()[-_SAID:]
    message = f"the channel could not be asked: {redact(str(said))[:_SAID] or 'nothing was said'}"
    hint = "check the channel's address and the network; the extra `resolve` brings what reads repodata"
    raise UpstreamError(message, hint=hint, code="channel_failed", exit=code)


def _files(records: Sequence[Mapping[str, Any]], address: str) -> list[CondaFile]:
    files = [CondaFile(**record) for record in records]
    for file in files:
        if not file.url.startswith(f"{address}/"):
            message = f"the channel's data puts `{file.filename}` at a place outside the channel"
            raise UpstreamError(message, code="outside_channel")
    return files
