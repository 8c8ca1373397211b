"""Ask a Python index: what a project has, what a file's METADATA is, what a wheel holds."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from packaging.utils import canonicalize_name, is_normalized_name
from pydantic import ValidationError

from gate.bounds import WheelBounds
from gate.errors import IntegrityError, UpstreamError
from gate.http.address import show
from gate.index.archive import FileSource, read_directory, refused
from gate.index.cache import FactsCache, MemoryCache
from gate.index.content import read_member
from gate.index.facts import WheelFacts
from gate.index.page import JSON, read_page
from gate.index.project import NoSuchProject
from gate.index.remote import RangesIgnoredError, RangeSource
from gate.index.wheel import dist_info_of, parse_filename, read_wheel
from gate.model.origin import PYPI

if TYPE_CHECKING:
    from gate.http.client import HttpClient
    from gate.index.archive import ByteSource
    from gate.index.project import IndexFile, Project

_ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.5, text/html;q=0.1"
_GONE = frozenset({404, 410})
_OK = 200
_NAME_CHARACTERS = 200


def pypi_address() -> str:
    """Return PyPI's address, which is named here and nowhere else."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # noqa: PLC0415 - its import takes most of a second

    return PYPI_SIMPLE_ENDPOINT


class PythonIndex:
    """One index behind the simple API.

    What it says of a project is asked anew each time: who asks decides how long an answer holds. What a wheel
    holds is kept by the wheel's sha256, for it can't change.
    """

    def __init__(
        self,
        http: HttpClient,
        base_url: str = "",
        *,
        name: str = PYPI,
        bounds: WheelBounds | None = None,
        cache: FactsCache | None = None,
    ) -> None:
        """Speak to the index at `base_url`, or to PyPI; `name` is how policy calls it."""
        self.name = name
        self.bounds = bounds or WheelBounds()
        self._http = http
        self._base = (base_url or pypi_address()).rstrip("/") + "/"
        self._cache = cache or MemoryCache(self.bounds.cache_bytes)

    def project(self, name: str) -> Project | NoSuchProject:
        """Return what the index has under a name, in any spelling.

        Raises:
            UpstreamError: the index failed, or answered something that is no project page.
        """
        name = canonicalize_name(name)
        if not is_normalized_name(name) or len(name) > _NAME_CHARACTERS:
            # It may come from a judged image: what is no name must not become part of an address.
            return NoSuchProject(name=name)
        headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip"}
        answer = self._http.get_bytes(
            f"{self._base}{name}/", headers=headers, accept=_GONE, limit=self.bounds.page_bytes
        )
        return NoSuchProject(name=name) if answer.status in _GONE else read_page(answer, name)

    def metadata(self, file: IndexFile) -> bytes:
        """Return the METADATA of a wheel: from `.metadata` (PEP 658), else out of the wheel by ranges.

        Raises:
            NotFoundError: the file is gone from the index (`no_such_file`).
            IntegrityError: the bytes are not those whose sha256 the index says.
            InputError: the wheel is refused.
            UpstreamError: the index failed.
        """
        data = None if file.has_metadata is False else self._served(file)
        if data is None:
            data = self._taken_out(file)
        if file.metadata_sha256 and hashlib.sha256(data).hexdigest() != file.metadata_sha256:
            message = f"the METADATA of `{file.filename}` is not the one that the index announces"
            raise IntegrityError(message, code="metadata_digest_mismatch", filename=file.filename)
        return data

    def wheel(self, file: IndexFile) -> WheelFacts:
        """Return what a wheel holds, read by few ranges, or whole if it is small.

        Raises:
            NotFoundError, IntegrityError, InputError, BoundError, UpstreamError: as `metadata`.
        """
        key = f"wheel-facts/3 {self._base} {file.sha256} {file.filename}" if file.sha256 else ""
        kept = self._cache.get(key) if key else None
        if kept is not None:
            try:
                return WheelFacts.parse(kept)
            except ValidationError:
                kept = None
        source, verified = self._source(file)
        facts = read_wheel(source, file.filename, sha256=file.sha256, verified=verified, bounds=self.bounds)
        if key:
            self._cache.put(key, facts.model_dump_json().encode())
        return facts

    def _served(self, file: IndexFile) -> bytes | None:
        try:
            parts = urlsplit(file.url)
        except ValueError as error:
            message = f"the index has no address for `{file.filename}`"
            raise UpstreamError(message, code="index_bad_address", filename=file.filename) from error
        url = urlunsplit(parts._replace(path=parts.path + ".metadata", fragment=""))
        answer = self._http.get_bytes(url, accept=_GONE, limit=self.bounds.metadata_bytes)
        return answer.body if answer.status == _OK else None

    def _taken_out(self, file: IndexFile) -> bytes:
        source, _ = self._source(file)
        members = {member.name: member for member in read_directory(source, self.bounds)}
        member = members.get(f"{dist_info_of(members, parse_filename(file.filename))}/METADATA")
        if member is None:
            raise refused(code="wheel_incomplete", message=f"`{file.filename}` has no METADATA")
        source.prefetch([(member.offset, member.end)])
        return read_member(source, member, self.bounds.metadata_bytes)

    def _source(self, file: IndexFile) -> tuple[ByteSource, bool]:
        """Return the file's bytes, and whether they are whole and have the digest that the index says."""
        if file.size is not None and file.size <= self.bounds.whole_bytes:
            return self._whole(file, self.bounds.whole_bytes)
        try:
            source = RangeSource(self._http, file.url, tail=self.bounds.tail_bytes)
        except RangesIgnoredError:
            return self._whole(file, self.bounds.fallback_bytes)
        if file.size not in {None, source.size}:
            message = f"`{file.filename}` has {source.size} bytes, the index says {file.size}"
            raise IntegrityError(message, code="size_mismatch", filename=file.filename, url=show(file.url))
        return source, False

    def _whole(self, file: IndexFile, limit: int) -> tuple[ByteSource, bool]:
        answer = self._http.get_bytes(file.url, limit=limit, missing=f"`{file.filename}`")
        digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if file.sha256 not in {"", digest}:
            message = f"`{file.filename}` does not have the sha256 that the index says"
            raise IntegrityError(message, filename=file.filename, url=show(file.url))
        return FileSource(io.BytesIO(answer.body)), file.sha256 == digest
