"""Images in Azure Container Registries: the distribution API, and Microsoft's own library for what only that serves.

azure-containerregistry lists tags and tells of locks. What it can't do right is left to the distribution API: it gives
no raw manifests, writes them in other bytes than they were read, and takes every 404 for a deletion that worked.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from gate.errors import BoundError, NotFoundError, UpstreamError, UsageError
from gate.model.image import ImageRef, Transport
from gate.registry.acr_errors import translated
from gate.registry.acr_graves import AcrGraves
from gate.registry.acr_tokens import EntraTokens
from gate.registry.locks import Locks
from gate.registry.reference import split_repository
from gate.registry.referring import listed_referrers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from azure.containerregistry import ContainerRegistryClient
    from azure.core.credentials import TokenCredential

    from gate.bounds import HttpBounds, ImageBounds
    from gate.model.digest import Digest
    from gate.registry.acr_import import AcrImport
    from gate.registry.interface import Descriptor, ImageWriter, Manifest

_PAGE = 100


class AcrRegistry(AcrGraves):
    """Reads and writes images of registries; those that configuration names as Azure's with all that Azure adds.

    Implements `ImageReader`, `ImageWriter` and `BuryingStore`. A client of Microsoft's library lives for one question,
    because of what `gate.registry.acr_tokens` says of it.
    """

    def __init__(  # noqa: PLR0913 - collaborators, each named
        self,
        remote: ImageWriter,
        tokens: Callable[[], EntraTokens],
        hosts: Iterable[str],
        *,
        audience: str,
        transport: Callable[[], Any],
        http: HttpBounds,
        bounds: ImageBounds,
        importer: AcrImport | None = None,
    ) -> None:
        """Take the collaborators.

        Args:
            remote: the distribution API, with credentials for the same hosts.
            tokens: makes what gives Entra tokens.
            hosts: the registries' login servers.
            audience: what the tokens are for.
            transport: makes a transport of azure-core that keeps to the bounds; its `session` is closed here.
            http: how often the library may try.
            bounds: how many tags it may list.
            importer: has Azure bring images between registries; without it they go through here.
        """
        self._remote = remote
        self._tokens = tokens
        self._hosts = frozenset(host.lower() for host in hosts)
        self._audience = audience
        self._transport = transport
        self._http = http
        self._bounds = bounds
        self._importer = importer

    def resolve(self, ref: ImageRef) -> Digest:
        """See the interface."""
        return self._remote.resolve(ref)

    def manifest(self, ref: ImageRef) -> Manifest:
        """See the interface."""
        return self._remote.manifest(ref)

    def blob(self, ref: ImageRef, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """See the interface."""
        return self._remote.blob(ref, descriptor)

    def has_blob(self, place: ImageRef, digest: Digest) -> bool:
        """See the interface."""
        return self._remote.has_blob(place, digest)

    def copy_blob(self, source: ImageRef, target: ImageRef, descriptor: Descriptor) -> None:
        """See the interface."""
        self._remote.copy_blob(source, target, descriptor)

    def upload_blob(self, target: ImageRef, descriptor: Descriptor, stream: BinaryIO) -> None:
        """See the interface."""
        self._remote.upload_blob(target, descriptor, stream)

    def put_manifest(self, target: ImageRef, manifest: Manifest) -> None:
        """See the interface."""
        self._remote.put_manifest(target, manifest)

    def tags(self, place: ImageRef) -> tuple[str, ...]:
        """List all tags; what is locked against listing is not among them, as the registry will have it.

        Raises:
            BoundError: there are more tags or pages than the bound.
        """
        if not self._is_azure(place):
            return self._remote.tags(place)
        _, path = split_repository(place.repository)
        try:
            with self._client(place) as client:
                return self._listed(client, path, place)
        except NotFoundError:
            return ()

    def delete_manifest(self, ref: ImageRef) -> None:
        """Delete a manifest by its digest, if no lock forbids it; absent already is no error.

        Raises:
            UpstreamError: `manifest_locked`; nothing was deleted.
        """
        if self._is_azure(ref) and ref.digest is not None:
            try:
                locks = self.locks(ref)
            except NotFoundError:
                locks = None
            if locks is not None and not locks.deletable:
                message = f"`{ref}` is locked against deletion"
                hint = "whoever locked it unlocks it: `az acr repository update --delete-enabled true`"
                raise UpstreamError(message, hint=hint, code="manifest_locked", digest=ref.digest)
        self._remote.delete_manifest(ref)

    def referrers(self, ref: ImageRef) -> tuple[Descriptor, ...]:
        """List all that is attached to the ref's digest."""
        return listed_referrers(self._remote, ref)

    def imports(self, source: ImageRef, target: ImageRef) -> bool:
        """Say whether configuration has Azure bring images from the one registry into the other."""
        return self._importer is not None and self._importer.between(source, target)

    def import_image(self, source: ImageRef, target: ImageRef) -> None:
        """Have Azure bring the source's digest into the target's repository, under no tag; see `AcrImport.bring`."""
        if self._importer is None:
            message = f"`{target.place}` is not set up to import"
            raise UsageError(message, hint="name both registries in GATE_ACR_IMPORT", code="import_unset")
        self._importer.bring(source, target)

    def has_locks(self, place: ImageRef) -> bool:
        """Say whether the place is in a registry that configuration names as Azure's."""
        return self._is_azure(place)

    def locks(self, ref: ImageRef) -> Locks:
        """Return the locks of a manifest (a ref with a digest) or of a tag; the two have locks of their own.

        Raises:
            NotFoundError: there is no such manifest or tag.
            UsageError: `not_acr`: the registry is none of those that configuration names as Azure's.
        """
        return self._locks(ref, {})

    def set_locks(self, ref: ImageRef, *, write: bool, delete: bool) -> Locks:
        """Lock or unlock a manifest (a ref with a digest) or a tag, and return the locks that it has then."""
        return self._locks(ref, {"can_write": write, "can_delete": delete})

    def _locks(self, ref: ImageRef, change: dict[str, bool]) -> Locks:
        if not self._is_azure(ref):
            message = f"`{ref.repository}` is in no registry that is known as Azure's"
            raise UsageError(message, hint="name its login server in GATE_ACR_HOSTS", code="not_acr")
        _, path = split_repository(ref.repository)
        kind = "manifest" if ref.digest else "tag"
        with self._client(ref) as client:
            ask = getattr(client, f"{'update' if change else 'get'}_{kind}_properties")
            found = ask(path, ref.digest or ref.tag, **change)
            # What the registry does not say is not taken for a permission.
            return Locks(
                read=found.can_read is True,
                write=found.can_write is True,
                delete=found.can_delete is True,
                list=found.can_list is True,
            )

    def _listed(self, client: ContainerRegistryClient, path: str, place: ImageRef) -> tuple[str, ...]:
        found: set[str] = set()
        for number, page in enumerate(client.list_tag_properties(path, results_per_page=_PAGE).by_page()):
            found.update(str(tag.name) for tag in page)
            if len(found) > self._bounds.tags or number > self._bounds.tags:
                message = f"`{place.repository}` has more tags than the {self._bounds.tags} that are looked at"
                raise BoundError(message, hint="raise the bound if this is expected", code="too_many_tags")
        return tuple(sorted(found))

    def _is_azure(self, ref: ImageRef) -> bool:
        return ref.transport is Transport.REGISTRY and split_repository(ref.repository)[0].lower() in self._hosts

    @contextmanager
    def _client(self, ref: ImageRef) -> Iterator[ContainerRegistryClient]:
        from azure.containerregistry import ContainerRegistryClient  # noqa: PLC0415 - an extra, and slow

        host, _ = split_repository(ref.repository)
        transport = self._transport()
        with translated(ref), closing(transport.session):
            client = ContainerRegistryClient(
                f"https://{host}",
                cast("TokenCredential", self._tokens()),
                audience=self._audience,
                transport=transport,
                retry_total=self._http.attempts - 1,
                retry_backoff_max=self._http.wait,
            )
            with client:
                yield client
