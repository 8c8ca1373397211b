"""Time the promote step of an evaluation against `skopeo copy`, in one registry and across two, side by side.

Run it: `python tests/bench/bench_promote.py [ROUNDS] [MEGABYTES]`. Each round has registries of its own, so that
skopeo's memory of where blobs lie, kept for the whole machine, is empty at its first copy; its second copy, with that
memory, is timed as well. The two take turns at who is first. The gate's time is planning, copying and reading back; the
client is warm, as in a running service. The aims: at most 1/20 of skopeo's first copy in one registry, at most its
time across two. Other digests in the end are an error. In one registry skopeo's time grows with the image and the
gate's does not: the default size is that of the real image which `bench_inspect.py` reads, compressed.

Printed too: how many requests a promotion makes, as a whole and by method, and how much processor time it costs here;
both are the same on a busy machine, where seconds are not.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from promotion.promotion_requests import Remembering
from registry.contract_images import CONFIG_TYPES, LAYER_TYPES, descriptor_of, manifest_of, plain
from servers.registry import registry_server

from gate.bounds import HttpBounds, ImageBounds
from gate.model.image import ImageRef, Transport
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_promotion
from gate.promotion.promote import promote
from gate.registry.auth import NoCredentials
from gate.registry.content import OCI_MANIFEST
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, MEGABYTES, LAYERS, WORKERS = 5, 440, 6, 6
INSIDE, ACROSS = 1 / 20, 1.0


@dataclass(kw_only=True)
class Round:
    """Seconds of one round; requests by method and seconds of processor time of our two promotions."""

    seconds: dict[str, float] = field(default_factory=dict)
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)


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
    plan = prepare_promotion(source, places, source_store=store, target_store=store, workers=WORKERS)
    receipt = promote(plan, store, store, workers=WORKERS)
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


def one(folder: Path, number: int, megabytes: int) -> Round:
    """Run one round over two fresh registries."""
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    client = Remembering(HttpBounds())
    store = RemoteRegistry(client, NoCredentials(), ImageBounds())
    found = Round()
    with registry_server(folder / "a") as here, registry_server(folder / "b") as there:
        source = push(store, place(here.host, "staging/app", "1"), megabytes)
        for host in (here.host, there.host):  # a running service has promoted before: its connections stand
            ours(store, push(store, place(here.host, "staging/warm", "1"), 1), f"{host}/warm")
        runs: list[tuple[str, Callable[[], float]]] = [
            ("inside", lambda: ours(store, source, f"{here.host}/release")),
            ("skopeo_inside", lambda: skopeo(store, source, place(here.host, "skopeo/app", "1"))),
            ("across", lambda: ours(store, source, f"{there.host}/release")),
            ("skopeo_across", lambda: skopeo(store, source, place(there.host, "skopeo/app", "1"))),
        ]
        for name, run in runs[:2][:: -1 if number % 2 else 1] + runs[2:][:: -1 if number % 2 else 1]:
            client.asked.clear()
            busy = time.process_time()
            found.seconds[name] = run()
            found.processor[name] = time.process_time() - busy
            found.requests[name] = Counter(line.split()[0] for line in client.asked)
        found.seconds["skopeo_again"] = skopeo(store, source, place(here.host, "skopeo-again/app", "1"))
    client.close()
    return found


def main() -> None:
    """Print the medians and the ratios of the rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else MEGABYTES
    taken = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            taken.append(one(Path(folder) / "r", number, megabytes))
    for name in ("inside", "skopeo_inside", "skopeo_again", "across", "skopeo_across"):
        values = [times.seconds[name] for times in taken]
        print(f"{name:14} {statistics.median(values):8.3f} s  ({min(values):.3f} to {max(values):.3f})")  # noqa: T201 - the report
    for name in ("inside", "across"):
        busy = statistics.median(times.processor[name] for times in taken)
        asked = taken[-1].requests[name]
        methods = ", ".join(f"{count} {method}" for method, count in sorted(asked.items()))
        print(f"{name:14} {asked.total():3} requests ({methods}), {busy * 1000:.0f} ms of processor time here")  # noqa: T201 - the report
    inside, again, across = (
        statistics.median(times.seconds[mine] / times.seconds[other] for times in taken)
        for mine, other in (("inside", "skopeo_inside"), ("inside", "skopeo_again"), ("across", "skopeo_across"))
    )
    print(f"inside one registry: 1/{1 / inside:.1f} of skopeo's first copy (aim 1/{1 / INSIDE:.0f})")  # noqa: T201 - the report
    print(f"                     1/{1 / again:.1f} of its copy once it knows where the blobs lie")  # noqa: T201 - the report
    print(f"across two:          {across:.2f} of skopeo's time (aim at most {ACROSS:.1f})")  # noqa: T201 - the report


if __name__ == "__main__":
    main()
