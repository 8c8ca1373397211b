"""A project's own manifest that a command resolves (`go build`, `cargo build`, `npm ci`): one `other`, once a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.found import Found
from gate.model.origin import Kind, Origin, OriginKind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session


def place(name: str) -> Origin:
    """Return a registry of another language by its plain name; none of them is safelisted."""
    return Origin(kind=OriginKind.UNKNOWN, location=name)


def manifest(name: str, where: str, line: int, session: Session) -> None:
    """Keep one reference for a manifest, unless it belongs to a cloned repository or was counted in this stage."""
    if session.stage.in_clone(".", name) or name in session.stage.manifests:
        return
    session.stage.manifests.add(name)
    session.add(Found(kind=Kind.OTHER, name=name, line=line), place(where))
