"""An inspect inside a running service: the same process, client, database and caches, time after time.

Run it: `python -m bench_world.inside HOST/PATH@DIGEST ROUNDS`. It reads as the evaluations of a service do, with what
`gate.wiring` gives them, and prints as JSON the seconds of each round after the first: with the image remembered, as
when an evaluation waits for evidence, and with its layers known alone, as when another image shares them all.
"""

from __future__ import annotations

import json
import os
import sys
import time

from gate.config import load_config
from gate.image.images import read_images
from gate.image.memory import ImageMemory
from gate.registry.reference import parse_image_ref
from gate.wiring import layer_cache, open_database, policy_of
from gate.wiring_stores import open_reader


def main(reference: str, rounds: int) -> None:
    """Read the image once more than asked for, and time all but the first."""
    config, ref = load_config(os.environ), parse_image_ref(reference)
    times: dict[str, list[float]] = {"image": [], "layers": []}
    with open_database(config) as engine:
        reader, cache = open_reader(ref, config, policy_of(config)), layer_cache(config, engine)
        for known, memory in (("image", ImageMemory(config.image.remembered_files)), ("layers", ImageMemory(0))):
            for _ in range(rounds + 1):
                start = time.perf_counter()
                pinned = ref.at(reader.resolve(ref))
                _, images = read_images(reader, pinned, bounds=config.image, cache=cache, memory=memory)
                ((inventory, _),) = images
                times[known].append(time.perf_counter() - start)
                if not inventory.components:
                    message = "nothing was found"
                    raise SystemExit(message)
    sys.stdout.write(json.dumps({known: seconds[1:] for known, seconds in times.items()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
