"""Copies out of object stores (`aws s3 cp`, `gsutil cp`, `azcopy copy`) and images pulled inside a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.environment.found import Found, Word
from gate.environment.images import parse_image
from gate.environment.options import grammar, parse_options
from gate.model.origin import Kind

if TYPE_CHECKING:
    from gate.environment.shell.session import Session

_IMAGES = frozenset({"docker", "podman", "nerdctl", "buildah", "skopeo", "crane", "oras", "img"})
_PULLING = frozenset({"pull", "copy", "export", "from", "create", "run"})
_IMAGE_OPTIONS = grammar(
    "--platform --authfile -o/--output -e/--env -v/--volume -w/--workdir --name --entrypoint -u/--user --network -p "
    "--src-creds --dest-creds --creds --override-arch --override-os"
)
_COPYING = frozenset({"cp", "copy", "sync", "rsync", "mv", "copyto"})
_STORE_OPTIONS = grammar(
    "--region --profile --endpoint-url --exclude --include --recursive-depth --project -o --from-to --cap-mbps "
    "--exclude-pattern --include-pattern"
)


def run(name: str, words: list[Word], session: Session) -> None:
    """Read one call."""
    if name in _IMAGES:
        _image(words, session)
        return
    operands = parse_options(words[1:], _STORE_OPTIONS).operands
    verbs = [index for index, word in enumerate(operands) if word.text in _COPYING]
    # What comes after the source is where it goes.
    for word in operands[verbs[0] + 1 : verbs[0] + 2] if verbs else []:
        if "://" in word.text:
            session.stage.fetched.add(word.text.rpartition("/")[2])
            session.add(Found(kind=Kind.URL, name=word.text, line=word.line))


def _image(words: list[Word], session: Session) -> None:
    operands = parse_options(words[1:], _IMAGE_OPTIONS).operands
    if operands and operands[0].text in {"image", "container"}:
        operands = operands[1:]
    if len(operands) < 2 or operands[0].text not in _PULLING:  # noqa: PLR2004 - a verb and an image
        return
    address = operands[1].text
    transport, colon, rest = address.partition("://")
    if colon and transport != "docker":
        return
    found, origins = parse_image(rest if colon else address, operands[1].line)
    session.add(found, *origins)
