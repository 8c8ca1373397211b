"""Images in a registry, read and written over the OCI distribution API (specification 1.1, and Docker's of v2)."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from urllib.parse import quote, urlencode

from gate.bounds import ImageBounds
from gate.errors import BoundError, IntegrityError, NotFoundError, UpstreamError, UsageError
from gate.http.answer import Answer, parse_json
from gate.http.client import HttpClient
from gate.model.base import sha256_of
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.registry.attachments import RemoteAttachments
from gate.registry.auth import CredentialProvider
from gate.registry.content import IMAGE_TYPES, INDEX_TYPES
from gate.registry.interface import IN_PARTS, Descriptor, Manifest
from gate.registry.remote_tokens import Authorizer
from gate.registry.remote_upload import CHUNK_BYTES, Upload
from gate.registry.remote_wire import Place, Wire, error_codes, next_page
from gate.registry.verified import verified

_ACCEPT = {"Accept": ", ".join(sorted(IMAGE_TYPES | INDEX_TYPES))}
_PAGE = 1000
_CREATED = int(http.client.CREATED)
_NOT_FOUND = int(http.client.NOT_FOUND)
_NOT_ALLOWED = int(http.client.METHOD_NOT_ALLOWED)


class RemoteRegistry:
    """Reads and writes images of any registry; implements `ImageReader` and `ImageWriter`.

    Every registry is given its own credentials alone. Bytes are held against the digest under which they were asked
    for and against the one that the registry names. Errors are those of the interface and of `HttpClient`.
    """

    def __init__(
        self,
        client: HttpClient,
        credentials: CredentialProvider,
        bounds: ImageBounds | None = None,
        *,
        chunk_bytes: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use the client for everything; `clock` tells how old tokens are.

        Uploads go in one stream each, or in chunks of `chunk_bytes`, if told so or if the registry took no stream.
        """
        self._wire = Wire(client, Authorizer(client, credentials, clock=clock))
        self._bounds = bounds or ImageBounds()
        self._attachments = RemoteAttachments(client, credentials, most=self._bounds.referrers, wire=self._wire)
        self._chunk_bytes = chunk_bytes
        self._chunked: set[str] = set()

    def resolve(self, ref: ImageRef) -> Digest:
        """Return the digest of the bytes that the ref names now; a tag's are read and hashed here."""
        return self._manifest(ref, ref.digest or ref.tag).digest

    def manifest(self, ref: ImageRef) -> Manifest:
        """Return the manifest of a ref that has a digest.

        Raises:
            UsageError: `digest_needed`; a tag may point elsewhere the next time that it is asked.
        """
        return self._manifest(ref, _digest_of(ref))

    @contextmanager
    def blob(self, ref: ImageRef, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Stream a blob; reading to its end raises IntegrityError if it has another size or digest.

        Raises:
            BoundError: the descriptor says that it is larger than any layer may be.
        """
        if descriptor.size > self._bounds.layer_bytes:
            message = f"blob {descriptor.digest} has {descriptor.size} bytes, more than a layer may have"
            raise BoundError(message, hint="raise the bound if this is expected", code="blob_too_large")
        place = self._wire.place(ref)
        url = f"{place.url}/blobs/{descriptor.digest}"
        missing = f"blob {descriptor.digest} of `{ref.repository}`"
        with self._wire.stream(place, url, (place.scope("pull"),), missing) as opened:
            yield verified(cast("BinaryIO", opened.body), descriptor, place=ref.place)

    def has_blob(self, place: ImageRef, digest: Digest) -> bool:
        """Say whether the repository serves the blob."""
        there = self._wire.place(place)
        url = f"{there.url}/blobs/{digest}"
        answer = self._wire.request("HEAD", there, url, (there.scope("pull"),), accept={_NOT_FOUND})
        return answer.status != _NOT_FOUND

    def copy_blob(self, source: ImageRef, target: ImageRef, descriptor: Descriptor) -> None:
        """Mount a blob from one repository into another; where the registry will not, send it through here."""
        origin, place = self._wire.place(source), self._wire.place(target)
        if origin == place and self.has_blob(target, descriptor.digest):
            return
        if origin.host == place.host and origin != place:
            scopes = (place.scope("pull,push"), origin.scope("pull"))
            query = urlencode({"mount": descriptor.digest, "from": origin.path})
            answer = self._open_upload(place, scopes, f"?{query}")
            if answer.status == _CREATED:
                return
            upload = self._continue(place, answer)
        else:
            upload = self._upload(place)
        with self._in_parts(place), upload, self.blob(source, descriptor) as stream:
            upload.send(descriptor, stream)

    def upload_blob(self, target: ImageRef, descriptor: Descriptor, stream: BinaryIO) -> None:
        """Write a blob from a stream.

        Raises:
            IntegrityError: the bytes are not the descriptor's; nothing was kept.
            UpstreamError: `blob_in_parts`: it was not taken in one stream; the next one goes there in parts.
        """
        place = self._wire.place(target)
        with self._in_parts(place), self._upload(place) as upload:
            upload.send(descriptor, stream)

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """Write the manifest's bytes under their digest if the target names it or no tag, then under the target's tag.

        What is taken under a tag is served under its digest too (OCI distribution 1.1, "Pushing Manifests").

        Raises:
            IntegrityError: the bytes have another digest than the manifest says, or the registry names another.
        """
        if sha256_of(manifest.raw) != manifest.digest or target.digest not in {None, manifest.digest}:
            message = f"the manifest to write is not {manifest.digest}"
            raise IntegrityError(message)
        place = self._wire.place(target)
        for name in filter(None, (target.digest or ("" if target.tag else manifest.digest), target.tag)):
            url = f"{place.url}/manifests/{name}"
            sent = {"Content-Type": manifest.media_type}
            answer = self._wire.request(
                "PUT", place, url, (place.scope("pull,push"),), headers=sent, body=manifest.raw, accept={_NOT_ALLOWED}
            )
            if answer.status == _NOT_ALLOWED:
                self._refuse_locked(target, manifest, name)
            _compare(answer, manifest.digest, target)

    def tags(self, place: ImageRef) -> tuple[str, ...]:
        """List all tags, sorted.

        Raises:
            BoundError: there are more than the bound, or more pages than there may be tags.
            UpstreamError: a page is no list of tags, or the next one is said to be on another host.
        """
        there = self._wire.place(place)
        url = f"{there.url}/tags/list?n={_PAGE}"
        found: set[str] = set()
        for page in range(self._bounds.tags + 1):
            try:
                answer = self._wire.request(
                    "GET", there, url, (there.scope("pull"),), missing=f"repository `{place.repository}`"
                )
            except NotFoundError:
                if page:
                    raise
                return ()
            found.update(_tags(answer, there))
            following = next_page(answer)
            if len(found) > self._bounds.tags:
                break
            if not following:
                return tuple(sorted(found))
            url = there.onward(answer, following, "page_foreign")
        message = f"`{place.repository}` has more tags than the {self._bounds.tags} that are looked at"
        raise BoundError(message, hint="raise the bound if this is expected", code="too_many_tags")

    def referrers(self, ref: ImageRef) -> tuple[Descriptor, ...]:
        """List all that is attached to the ref's digest, as `RemoteAttachments` does."""
        return self._attachments.referrers(ref)

    def delete_manifest(self, ref: ImageRef) -> None:
        """Delete a manifest by its digest; absent already is no error.

        Raises:
            UsageError: `digest_needed`; deleting by tag could hit what the tag points at by now.
            UpstreamError: `delete_disabled` if the registry does not delete, or this manifest is locked.
        """
        place = self._wire.place(ref)
        url = f"{place.url}/manifests/{_digest_of(ref)}"
        scopes = (place.scope("delete"),)
        try:
            answer = self._wire.request("DELETE", place, url, scopes, accept={_NOT_ALLOWED}, missing=str(ref))
        except NotFoundError:
            return
        if answer.status == _NOT_ALLOWED:
            message = f"`{place.host}` does not delete `{ref}`"
            hint = "allow deletion in the registry's configuration, or unlock the manifest"
            codes = ", ".join(sorted(error_codes(answer)))
            raise UpstreamError(message, hint=hint, code="delete_disabled", codes=codes)

    def _manifest(self, ref: ImageRef, name: str) -> Manifest:
        place = self._wire.place(ref)
        url = f"{place.url}/manifests/{quote(name, safe=':')}"
        answer = self._wire.request(
            "GET",
            place,
            url,
            (place.scope("pull"),),
            headers=_ACCEPT,
            missing=f"`{ref}`",
            limit=self._bounds.manifest_bytes,
            accept={_NOT_ALLOWED},
        )
        if answer.status == _NOT_ALLOWED:
            message = f"`{place.host}` lets nobody read `{ref}`"
            hint = "what was discarded lies hidden until it is deleted: `gate discard list`; else somebody locked it"
            raise UpstreamError(message, hint=hint, code="manifest_hidden", status=answer.status, place=ref.place)
        digest = sha256_of(answer.body)
        if ref.digest is not None and digest != ref.digest:
            message = f"`{place.host}` sent other bytes than manifest {ref.digest}"
            raise IntegrityError(message, hint="the registry or the way to it is broken", got=digest)
        _compare(answer, digest, ref)
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Manifest(digest=digest, media_type=media_type, raw=answer.body)

    def _refuse_locked(self, target: ImageRef, manifest: Manifest, name: str) -> None:
        """Let a locked manifest be that holds these very bytes already; a locked tag is somebody's decision."""
        with contextlib.suppress(NotFoundError):
            if name == manifest.digest and self._manifest(target.at(name), name) == manifest:
                return
        message = f"`{target.place}` does not let `{name}` be written: it is locked"
        hint = "whoever locked it unlocks it: `az acr repository update --write-enabled true`"
        raise UpstreamError(message, hint=hint, code="manifest_locked", place=target.place, name=name)

    def _open_upload(self, place: Place, scopes: tuple[str, ...], query: str = "") -> Answer:
        # Opening twice leaves an idle session behind, which the registry clears away: safe to try again.
        return self._wire.request("POST", place, f"{place.url}/blobs/uploads/{query}", scopes, body=b"", retried=True)

    def _upload(self, place: Place) -> Upload:
        return self._continue(place, self._open_upload(place, (place.scope("pull,push"),)))

    def _continue(self, place: Place, opened: Answer) -> Upload:
        chunk_bytes = self._chunk_bytes or (CHUNK_BYTES if place.host in self._chunked else 0)
        return Upload(self._wire, place, opened, chunk_bytes=chunk_bytes)

    @contextmanager
    def _in_parts(self, place: Place) -> Iterator[None]:
        """Remember a registry that does not take a blob in one stream: a proxy before it may bound what it lets by."""
        try:
            yield
        except UpstreamError as failure:
            if failure.error_code == IN_PARTS:
                self._chunked.add(place.host)
            raise


def _digest_of(ref: ImageRef) -> Digest:
    if ref.digest is None:
        message = f"`{ref}` has no digest"
        raise UsageError(message, hint="resolve the tag first", code="digest_needed")
    return ref.digest


def _compare(answer: Answer, digest: Digest, ref: ImageRef) -> None:
    named = answer.headers.get("Docker-Content-Digest", digest)
    if named != digest:
        message = f"the registry calls the bytes of `{ref}` {named[:80]}, but they are {digest}"
        raise IntegrityError(message, hint="the registry or the way to it is broken")


def _tags(answer: Answer, place: Place) -> list[str]:
    match parse_json(answer.body, answer.url):
        case {"tags": None}:
            return []
        case {"tags": [*tags]} if all(isinstance(tag, str) for tag in tags):
            return tags
        case _:
            message = f"`{place.host}` answered something that is no list of tags"
            raise UpstreamError(message, code="bad_tag_list")
