"""The words that every plan is made of: one change to a registry, what is left undone, and a refusal. Pure."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from gate.errors import ConflictError, GateError
from gate.model.base import Value
from gate.model.digest import Digest
from gate.model.image import ImageRef
from gate.promotion.attached import Attachments
from gate.registry.interface import Descriptor


class Verb(StrEnum):
    """The kinds of steps. Each can be run twice."""

    COPY_BLOB = "copy_blob"
    PUT_MANIFEST = "put_manifest"
    ATTACH = "attach"
    SET_TAG = "set_tag"
    LOCK_MANIFEST = "lock_manifest"
    LOCK_TAG = "lock_tag"
    DELETE_MANIFEST = "delete_manifest"


class Step(Value):
    """One change to a registry: the verb, the bytes it is about, the tag or the subject where there is one."""

    verb: Verb
    descriptor: Descriptor
    tag: str = ""
    subject: Digest | None = None


class Omission(Value):
    """Something that is not done, and by whom it is held.

    `code` is `child_tagged`, `child_in_use`, `content_unread`, `subject_not_copied`, `no_tag`, `no_tombstone`, or of
    what is listed as attached `referrer_unread`, `referrer_of_another`, `referrer_foreign_layer`.
    """

    code: str
    subject: str
    by: tuple[str, ...] = ()


class Refused(Value):
    """A plan that must not be made; `code` says why."""

    code: str
    message: str
    hint: str = ""
    facts: dict[str, str] = Field(default_factory=dict)

    def error(self) -> GateError:
        """Return the refusal as an error, for a caller that can't go on."""
        return ConflictError(self.message, hint=self.hint, code=self.code, **self.facts)


def about(steps: tuple[Step, ...], verb: Verb) -> tuple[Descriptor, ...]:
    """Return what the steps of one verb are about, in their order."""
    return tuple(step.descriptor for step in steps if step.verb is verb)


def differs(ref: ImageRef, digest: Digest) -> Refused:
    """Refuse what was read under another digest than the ref says."""
    message = f"`{ref}` is not {digest}, which was read"
    return Refused(code="digest_differs", message=message, facts={"place": ref.place, "digest": digest})


def left_of(attachments: Attachments) -> tuple[Omission, ...]:
    """Name what is listed as attached and does not go along."""
    return tuple(Omission(code=one.code, subject=one.digest) for one in attachments.left)
