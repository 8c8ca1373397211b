"""Image references: name, tag, registry."""

from __future__ import annotations

from gate.environment.found import TEMPLATE, UNRESOLVED, Found
from gate.environment.places import image_registry, split_image
from gate.environment.templates import has_template
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.redact import redact


def parse_image(image: str, line: int) -> tuple[Found, tuple[Origin, ...]]:
    """Read an image reference. A template or variable in the tag changes nothing; before it, it hides the registry."""
    name, spec = split_image(redact(image.strip()))
    origin = image_registry(name)
    found = Found(kind=Kind.IMAGE, name=name, spec=spec, line=line)
    if origin.kind is OriginKind.UNKNOWN:
        found = found.doubted(TEMPLATE if has_template(name) else UNRESOLVED)
    return found, (origin,)
