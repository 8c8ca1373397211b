"""Packages of a conda channel as their files tell them, read by few ranges, or whole where that is needed."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from gate.bounds import CondaBounds, WheelBounds
from gate.errors import BoundError, IntegrityError
from gate.http.address import show
from gate.index.archive import FileSource
from gate.index.cache import FactsCache, MemoryCache
from gate.index.conda import CondaFacts, read_facts
from gate.index.conda_archive import OLD
from gate.index.conda_prefix import prefixed
from gate.index.remote import RangesIgnoredError, RangeSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from gate.http.client import HttpClient
    from gate.index.archive import ByteSource
    from gate.index.conda import CondaFile

_CHUNK = 1 << 20
_IN_MEMORY = 32 << 20


class CondaPackages:
    """Reads packages. What one holds is kept by its sha256, for it can't change."""

    def __init__(
        self,
        http: HttpClient,
        *,
        bounds: CondaBounds | None = None,
        zips: WheelBounds | None = None,
        cache: FactsCache | None = None,
    ) -> None:
        """Read within `bounds` and those of archives; `cache` keeps what was read."""
        self.bounds = bounds or CondaBounds()
        self._zips = zips or WheelBounds()
        self._http = http
        self._cache = cache or MemoryCache(self._zips.cache_bytes)

    def facts(self, file: CondaFile) -> CondaFacts:
        """Return what a package says of itself.

        Raises:
            InputError: the package is refused.
            IntegrityError: its bytes are not those that the channel announces.
            BoundError: it is larger than the bounds allow.
            UpstreamError: the channel failed.
        """
        key = f"conda-facts/1 {file.sha256} {file.filename}" if file.sha256 else ""
        kept = self._cache.get(key) if key else None
        if kept is not None:
            try:
                return CondaFacts.parse(kept)
            except ValidationError:
                kept = None
        facts = self._read(file)
        if key:
            self._cache.put(key, facts.model_dump_json().encode())
        return facts

    def prefixed(self, file: CondaFile, facts: CondaFacts, prefix: str) -> dict[str, str]:
        """Return the sha256 (hexadecimal) of each path with a placeholder as it is in an environment at `prefix`.

        The package is read whole for it, and its digest is computed. Errors as `facts`.
        """
        if not any(path.placeholder for path in facts.paths.values()):
            return {}
        key = f"conda-prefixed/1 {file.sha256} {prefix}" if file.sha256 else ""
        kept = self._cache.get(key) if key else None
        if kept is not None:
            return cast("dict[str, str]", json.loads(kept))
        with self._whole(file) as source:
            found = prefixed(source, file.filename, prefix, facts.paths, bounds=self.bounds, zips=self._zips)
        if key:
            self._cache.put(key, json.dumps(found).encode())
        return found

    def _read(self, file: CondaFile) -> CondaFacts:
        if not file.filename.endswith(OLD) and (file.size is None or file.size > self.bounds.whole_bytes):
            try:
                source: ByteSource = RangeSource(self._http, file.url, tail=self._zips.tail_bytes)
            except RangesIgnoredError:
                pass
            else:
                if file.size not in {None, source.size}:
                    message = f"`{file.filename}` has {source.size} bytes, its channel says {file.size}"
                    raise IntegrityError(message, code="size_mismatch", filename=file.filename, url=show(file.url))
                return read_facts(source, file.filename, verified=False, bounds=self.bounds, zips=self._zips)
        with self._whole(file) as source:
            return read_facts(source, file.filename, verified=True, bounds=self.bounds, zips=self._zips)

    @contextmanager
    def _whole(self, file: CondaFile) -> Iterator[FileSource]:
        """Give the whole package, once its digest is that of the channel."""
        if file.size is not None and file.size > self.bounds.package_bytes:
            raise self._too_large(file)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
            digest, size = hashlib.sha256(), 0
            with self._http.stream(file.url, missing=f"`{file.filename}`") as stream:
                while piece := stream.body.read(_CHUNK):
                    size += len(piece)
                    if size > self.bounds.package_bytes:
                        raise self._too_large(file)
                    digest.update(piece)
                    kept.write(piece)
            if digest.hexdigest() != file.sha256:
                message = f"`{file.filename}` does not have the sha256 that its channel says"
                raise IntegrityError(message, filename=file.filename, url=show(file.url))
            yield FileSource(cast("BinaryIO", kept))

    def _too_large(self, file: CondaFile) -> BoundError:
        message = f"`{file.filename}` has more than {self.bounds.package_bytes} bytes"
        return BoundError(message, code="conda_package_too_large", hint="raise the bounds for conda packages")
