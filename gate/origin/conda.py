"""Where a conda package came from: what its record claims, and whether its channel has those bytes.

1. A record that names no channel, or two, or files of a base that were changed, ends it.
2. Without a channel to ask, the record's claim is all there is: consistent.
3. A channel that policy does not list is another one, and is not asked.
4. The channel's repodata has a file of that name, version, build and digest, or it doesn't.
5. Every path of that file is in the image with equal bytes, the prefix written into it, or it isn't.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Protocol, cast

from gate.environment.places import conda_channel
from gate.errors import GateError, UpstreamError
from gate.http.address import show
from gate.image.components.conda import hashes_of, record_of
from gate.index.conda_archive import NEW, OLD
from gate.model.origin import Origin, OriginKind
from gate.model.redact import redact_url
from gate.origin.conda_files import Placement, compare_conda
from gate.origin.verdict import consistent, contradicted, failed, proven, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.index.conda import CondaFacts, CondaFile
    from gate.model.image import Component, Proof
    from gate.origin.interface import Channels, InstalledFiles, LinkedFiles

_SUBDIR = re.compile(r"(?:noarch|(?:linux|osx|win|freebsd|zos|emscripten|wasi)-[a-z0-9_]+)")
_PACKAGE = re.compile(r"[^/]+\.(?:conda|tar\.bz2)")
_TOKEN = re.compile(r"/t/[^/]+(?=/)")
_META = "conda-meta"
_PYTHON = re.compile(r"3\.\d+(?=\.|$)")
_SITE = re.compile(r"lib/python3\.\d+t?/site-packages")


class Listings(Protocol):
    """What channels answered in one run; `gate.origin.channel_desk.ChannelDesk` is one."""

    channels: Channels
    told: dict[str, str]
    """What every proof says of how the channels were asked."""

    def files(self, name: str, component: Component) -> Sequence[CondaFile]:
        """Return what the channel has under the component's name, version and build; errors as `Channels`."""
        ...

    def python_site(self, component: Component) -> str:
        """Return the folder of Python packages in the component's environment; nothing if it has no Python."""
        ...


def prove_conda(component: Component, files: InstalledFiles | None = None, desk: Listings | None = None) -> Proof:
    """Return the proof of one conda package.

    Where the record has an address, the origin is the channel's whole address, for anybody can name a channel
    `conda-forge` on a server of their own: policy says which addresses are which channel. A bare name stays a name.

    Args:
        component: with the path of its record.
        files: of the image.
        desk: channels; None if none may be asked, and then the image's own claim is all there is.
    """
    told = component.facts.get("channel", "")
    channel = channel_of(told)
    address = channel_of(component.facts.get("url", ""))
    if not channel and not address:
        return unknown("no_channel")
    location = conda_channel(address or channel).location
    origin = Origin(kind=OriginKind.CONDA_CHANNEL, location=location)
    modified = component.facts.get("base_modified", "")
    if modified:
        example = component.facts.get("base_modified_example", "")
        return contradicted("base_modified", {"files": modified, "examples": example}, origin=origin)
    if channel and address and channel not in {address, address.rpartition("/")[2], _path(address)}:
        return contradicted("channel_differs", {"channel": channel, "url": address}, origin=origin)
    evidence = {"channel": channel} | {key: component.facts.get(key, "") for key in ("build", "sha256", "md5")}
    if desk is None or files is None:
        return consistent("channel_recorded", origin, evidence)
    name = desk.channels.name_of(location)
    if not name:
        return contradicted("other_channel", evidence, origin=origin)
    origin = Origin(kind=OriginKind.CONDA_CHANNEL, location=name)
    # What tells links from files is asked of every reader of images; a reader of lists alone proves no bytes.
    proof = _asked(component, cast("LinkedFiles", files), desk, origin)
    evidence |= desk.told
    return proof.model_copy(update={"evidence": {key: one for key, one in evidence.items() if one} | proof.evidence})


def _asked(component: Component, files: LinkedFiles, desk: Listings, origin: Origin) -> Proof:
    try:
        listed = desk.files(origin.location, component)
    except GateError as error:
        return failed(error, {"channel": origin.location})
    if not listed:
        return unknown("no_such_package", {"channel": origin.location})
    same = [file for file in listed if _is_named(component, file)]
    if not same:
        return _not_named(component, listed, origin)
    return _compared(component, files, desk, same[0], origin)


def _is_named(component: Component, file: CondaFile) -> bool:
    """Say whether the record's digest is the file's; one without any digest is compared by its files alone."""
    sha256, md5 = component.facts.get("sha256", ""), component.facts.get("md5", "")
    if sha256:
        return sha256 == file.sha256
    return not md5 or md5 == file.md5


def _not_named(component: Component, listed: Sequence[CondaFile], origin: Origin) -> Proof:
    """Tell another file of the same name from one whose other format is all that repodata gives."""
    ending = _ending(component)
    told = {"channel_sha256": " ".join(file.sha256 for file in listed)}
    if ending and not any(file.filename.endswith(ending) for file in listed):
        return unknown("other_format", told | {"format": ending})
    return contradicted("sha256_differs", told, origin=origin)


def _ending(component: Component) -> str:
    name = component.facts.get("fn", "") or component.facts.get("url", "")
    return next((ending for ending in (OLD, NEW) if name.endswith(ending)), "")


def _compared(component: Component, files: LinkedFiles, desk: Listings, file: CondaFile, origin: Origin) -> Proof:
    told = {"package": file.filename, "package_sha256": file.sha256, "package_url": show(file.url)}
    try:
        facts = desk.channels.facts(file)
        placement = _placement(component, desk, facts)
        if facts.python and not placement.site and not placement.cached:
            return unknown("no_python", told)
        written = {} if placement.cached else desk.channels.prefixed(file, facts, placement.written)
    except GateError as error:
        # Its digest is the channel's; what could not be read can't contradict that, and can't prove the files.
        told |= {"files": error.error_code, "detail": error.message[:300]}
        return consistent("repodata_equal", origin, told, transient=isinstance(error, UpstreamError))
    found = compare_conda(facts, files, placement, written=written, listed=_listed(component, files, placement))
    told |= ({"whole": "yes"} if facts.verified else {}) | found.evidence()
    if found.wrong:
        return contradicted("conda_files_differ", told, origin=origin)
    if found.extras:
        return contradicted("conda_extra_files", told, origin=origin)
    return proven("conda_files_equal", origin, told) if found.whole else consistent("repodata_equal", origin, told)


def _placement(component: Component, desk: Listings, facts: CondaFacts) -> Placement:
    if component.facts.get("cached") == "true":
        return Placement(prefix=component.path, cached=True)
    prefix = component.path.rpartition("/")[0].removesuffix(_META).rstrip("/")
    return Placement(prefix=prefix, site=desk.python_site(component) if facts.python else "")


def _listed(component: Component, files: LinkedFiles, placement: Placement) -> list[str]:
    """Return the paths in the image that the installed record names."""
    if placement.cached:
        return []
    prefix = f"{placement.prefix}/" if placement.prefix else ""
    return [prefix + path for path in hashes_of(record_of(files.metadata(component)))]


def site_of_python(record: bytes, version: str) -> str:
    """Return the folder of packages that an environment's Python has, from its record or by its version."""
    document = json.loads(record) if record else {}
    said = document.get("python_site_packages_path") if isinstance(document, dict) else None
    if isinstance(said, str) and _SITE.fullmatch(said):
        return said
    match = _PYTHON.match(version)
    return f"lib/python{match[0]}/site-packages" if match else ""


def channel_of(text: str) -> str:
    """Return a channel's name or address, without platform, file name, credentials and tokens."""
    text = _TOKEN.sub("", redact_url(text.strip())).partition("?")[0].partition("#")[0].rstrip("/")
    head, _, leaf = text.rpartition("/")
    if head and _PACKAGE.fullmatch(leaf):
        text = head
    head, _, leaf = text.rpartition("/")
    return head if head and _SUBDIR.fullmatch(leaf) else text


def _path(address: str) -> str:
    """Return what follows the host: a channel's name may have several segments."""
    return address.partition("://")[2].partition("/")[2]
