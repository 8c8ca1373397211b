"""Defender's findings artifact on a digest: the strongest proof of a scan, and the one that anyone can imitate.

Who can push can attach. So an artifact counts only if a signature over its manifest is by a signer of policy; its
subject is this digest; and it was made after the digest came to this repository. The registry's list of what is
attached is only where to look, for the tag that stands in for it can be written by whoever pushes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gate.errors import BoundError, InputError
from gate.findings.proof import cose, jws
from gate.findings.proof.envelope import EnvelopeError, believed
from gate.findings.proof.interface import NotProven, Proven, Verdict
from gate.findings.proof.statement import PREDICATE, StatementError, results_of
from gate.registry.content import OCI_MANIFEST, read_content, strict_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.bounds import DefenderBounds
    from gate.findings.proof.interface import Attachments
    from gate.model.image import ImageRef
    from gate.policy.scanners import ScanSigner
    from gate.registry.interface import Descriptor, ImageReader, Manifest

KIND = "artifact"
ARTIFACT_TYPE = "application/vnd.in-toto+json"
SIGNATURE_TYPE = "application/vnd.cncf.notary.signature"
CLOCK_SKEW = timedelta(minutes=5)
_READERS = {jws.MEDIA_TYPE: jws.read, cose.MEDIA_TYPE: cose.read}


class _RefusedError(ValueError):
    """A candidate that proves nothing: its code, and why in words."""

    def __init__(self, *, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class ArtifactProofs:
    """Looks at what is attached to a digest and says of each candidate whether it proves a scan."""

    def __init__(self, images: ImageReader, attachments: Attachments, bounds: DefenderBounds) -> None:
        """Read through the two interfaces of one registry."""
        self._images = images
        self._attachments = attachments
        self._bounds = bounds

    def look(self, ref: ImageRef, signers: Sequence[ScanSigner], *, now: datetime) -> tuple[Verdict, ...]:
        """Return one verdict for each findings artifact on the ref's digest; none at all means none is attached.

        Raises:
            GateError: the registry can't be asked, or something attached can't be read: nothing is known then.
        """
        found = self._attachments.referrers(ref, ARTIFACT_TYPE)
        if not found:
            return ()
        pushed_at = self._attachments.pushed_at(ref)
        return tuple(self._verdict(ref, descriptor, pushed_at, signers, now) for descriptor in found)

    def _verdict(
        self,
        ref: ImageRef,
        descriptor: Descriptor,
        pushed_at: datetime | None,
        signers: Sequence[ScanSigner],
        now: datetime,
    ) -> Verdict:
        try:
            return self._proven(ref, descriptor, pushed_at, signers, now)
        except _RefusedError as error:
            return NotProven(kind=KIND, code=error.code, reason=f"artifact {descriptor.digest}: {error}")
        except InputError as error:
            return NotProven(kind=KIND, code="artifact_unreadable", reason=error.message)

    def _proven(
        self,
        ref: ImageRef,
        descriptor: Descriptor,
        pushed_at: datetime | None,
        signers: Sequence[ScanSigner],
        now: datetime,
    ) -> Proven:
        """Say what the artifact proves.

        Steps, numbered as in the code: 1. it is a manifest whose own subject is the digest; 2. it was signed by whom
        policy names; 3. it is a scan's, dated after the push and not in the future; 4. its body is about the digest.
        """
        manifest = self._images.manifest(ref.at(descriptor.digest))
        content = read_content(manifest)
        if content.subject is None or content.subject.digest != ref.digest:  # 1
            raise _RefusedError(code="other_subject", why="it is about another digest")
        signer, certificate = self._signed(ref, manifest, signers, now)  # 2
        created = _created(strict_object(manifest.raw, what="the artifact"))  # 3
        if created > now + CLOCK_SKEW:
            raise _RefusedError(code="from_the_future", why="it is dated in the future")
        if pushed_at is None:
            raise _RefusedError(code="push_unknown", why="the registry does not tell since when it has the image")
        if created < pushed_at:
            raise _RefusedError(code="older_than_push", why="it was made before the image came here")
        results = self._results(ref, content.blobs[1:])  # 4
        evidence = {"artifact": manifest.digest, "signer": signer.name, "certificate": certificate}
        return Proven(kind=KIND, scanned_at=created, results=results, evidence=evidence)

    def _signed(
        self, ref: ImageRef, artifact: Manifest, signers: Sequence[ScanSigner], now: datetime
    ) -> tuple[ScanSigner, str]:
        reasons = []
        for descriptor in self._attachments.referrers(ref.at(artifact.digest), SIGNATURE_TYPE):
            try:
                manifest = self._images.manifest(ref.at(descriptor.digest))
                content = read_content(manifest)
                if content.subject is None or content.subject.digest != artifact.digest:
                    reasons.append("its signature is attached to something else")
                    continue
                layers = content.blobs[1:]
                read = _READERS.get(layers[0].media_type) if len(layers) == 1 else None
                if read is None:
                    reasons.append("its signature has an envelope that is not known here")
                    continue
                return believed(read(self._blob(ref, layers[0])), artifact, signers, now)
            except (EnvelopeError, InputError) as error:
                reasons.append(str(error))
        if not reasons:
            raise _RefusedError(code="not_signed", why="nobody signed it")
        raise _RefusedError(code="signature_refused", why=reasons[0])

    def _results(self, ref: ImageRef, layers: Sequence[Descriptor]) -> int:
        if len(layers) != 1 or layers[0].media_type != ARTIFACT_TYPE:
            raise _RefusedError(code="artifact_unreadable", why="it has another number of parts than one statement")
        try:
            return results_of(self._blob(ref, layers[0]), str(ref.digest))
        except StatementError as error:
            raise _RefusedError(code="artifact_unreadable", why=str(error)) from None

    def _blob(self, ref: ImageRef, descriptor: Descriptor) -> bytes:
        if descriptor.size > self._bounds.artifact_bytes:
            message = f"{descriptor.digest} is larger than a findings artifact may be"
            raise BoundError(message, code="artifact_too_large", hint="raise the bound if this is expected")
        with self._images.blob(ref, descriptor) as stream:
            return stream.read()


def _created(manifest: dict[str, Any]) -> datetime:
    annotations = manifest.get("annotations")
    match annotations:
        case {"in-toto.io/predicate-type": str(predicate), "org.opencontainers.image.created": str(created)} if (
            predicate.startswith(PREDICATE)
        ):
            pass
        case _:
            raise _RefusedError(code="no_scan", why="it says neither that it is a scan's nor when it was made")
    try:
        instant = datetime.fromisoformat(created)
    except ValueError:
        instant = None
    if manifest.get("mediaType", OCI_MANIFEST) != OCI_MANIFEST or instant is None or instant.tzinfo is None:
        raise _RefusedError(code="no_scan", why="it does not say when it was made")
    return instant.astimezone(UTC)
