"""Time the promote step of an evaluation against `skopeo copy`, in one registry and across two, side by side.

Run it: `python tests/bench/bench_promote.py [ROUNDS] [MEGABYTES]`. Each round has registries of its own, so that
skopeo's memory of where blobs lie, kept for the whole machine, is empty at its first copy; its second copy, with that
memory, is timed as well. The two take turns at who is first. The gate's time is planning, copying and reading back; the
client is warm, as in a running service. The aims: at most 1/20 of skopeo's first copy in one registry, at most its
time across two. Other digests in the end are an error.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from registry.contract_images import CONFIG_TYPES, LAYER_TYPES, descriptor_of, manifest_of, plain
from servers.registry import registry_server

from gate.bounds import HttpBounds, ImageBounds
from gate.http.client import HttpClient
from gate.model.image import ImageRef, Transport
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_promotion
from gate.promotion.promote import promote
from gate.registry.auth import NoCredentials
from gate.registry.content import OCI_MANIFEST
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, MEGABYTES, LAYERS = 5, 200, 6
INSIDE, ACROSS = 1 / 20, 1.0


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds of one round."""

    inside: float
    skopeo_inside: float
    skopeo_again: float
    across: float
    skopeo_across: float


def place(host: str, name: str, tag: str = "") -> ImageRef:
    """Name a repository of a registry."""
    return ImageRef(transport=Transport.REGISTRY, repository=f"{host}/{name}", tag=tag)


def push(store: RemoteRegistry, target: ImageRef, megabytes: int) -> ImageRef:
    """Push an image of layers that do not compress; return it pinned."""
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    blobs = [(descriptor_of(config, CONFIG_TYPES[OCI_MANIFEST]), config)]
    for _ in range(LAYERS):
        data = os.urandom(megabytes * 1_000_000 // LAYERS)
        blobs.append((descriptor_of(data, LAYER_TYPES[OCI_MANIFEST]), data))
    for descriptor, data in blobs:
        store.upload_blob(target, descriptor, BytesIO(data))
    described = [plain(descriptor) for descriptor, _ in blobs]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0], "layers": described[1:]}
    manifest = manifest_of(document, OCI_MANIFEST)
    store.put_manifest(target, manifest)
    return target.at(manifest.digest)


def ours(store: RemoteRegistry, source: ImageRef, release: str) -> float:
    """Promote and return the seconds."""
    places = Places.of([(source.place.rsplit("/", 1)[0], release)])
    start = time.perf_counter()
    plan = prepare_promotion(source, places, source_store=store, target_store=store, workers=6)
    receipt = promote(plan, store, store, workers=6)
    seconds = time.perf_counter() - start
    if receipt.digest != source.digest or receipt.already_there:
        raise SystemExit(str(receipt))
    return seconds


def skopeo(store: RemoteRegistry, source: ImageRef, target: ImageRef) -> float:
    """Copy with skopeo and return the seconds."""
    words = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests"]
    words += [f"docker://{source.repository}@{source.digest}", f"docker://{target.repository}:{target.tag}"]
    start = time.perf_counter()
    subprocess.run(words, check=True)
    seconds = time.perf_counter() - start
    if store.resolve(target) != source.digest:
        message = "skopeo's copy has another digest"
        raise SystemExit(message)
    return seconds


def one(folder: Path, number: int, megabytes: int) -> Times:
    """Run one round over two fresh registries."""
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    client = HttpClient(HttpBounds())
    store = RemoteRegistry(client, NoCredentials(), ImageBounds())
    with registry_server(folder / "a") as here, registry_server(folder / "b") as there:
        source = push(store, place(here.host, "staging/app", "1"), megabytes)
        found: dict[str, float] = {}
        runs: list[tuple[str, Callable[[], float]]] = [
            ("inside", lambda: ours(store, source, f"{here.host}/release")),
            ("skopeo_inside", lambda: skopeo(store, source, place(here.host, "skopeo/app", "1"))),
            ("across", lambda: ours(store, source, f"{there.host}/release")),
            ("skopeo_across", lambda: skopeo(store, source, place(there.host, "skopeo/app", "1"))),
        ]
        for name, run in runs[:2][:: -1 if number % 2 else 1] + runs[2:][:: -1 if number % 2 else 1]:
            found[name] = run()
        again = skopeo(store, source, place(here.host, "skopeo-again/app", "1"))
    client.close()
    return Times(skopeo_again=again, **found)


def main() -> None:
    """Print the medians and the ratios of the rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else MEGABYTES
    taken = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            taken.append(one(Path(folder) / "r", number, megabytes))
    for name in Times.__dataclass_fields__:
        values = [getattr(times, name) for times in taken]
        print(f"{name:14} {statistics.median(values):8.3f} s  ({min(values):.3f} to {max(values):.3f})")  # noqa: T201 - the report
    inside = statistics.median(times.inside / times.skopeo_inside for times in taken)
    again = statistics.median(times.inside / times.skopeo_again for times in taken)
    across = statistics.median(times.across / times.skopeo_across for times in taken)
    print(f"inside one registry: 1/{1 / inside:.1f} of skopeo's first copy (aim 1/{1 / INSIDE:.0f})")  # noqa: T201 - the report
    print(f"                     1/{1 / again:.1f} of its copy once it knows where the blobs lie")  # noqa: T201 - the report
    print(f"across two:          {across:.2f} of skopeo's time (aim at most {ACROSS:.1f})")  # noqa: T201 - the report


if __name__ == "__main__":
    main()
