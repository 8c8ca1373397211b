"""What a person at a terminal hears of an evaluation that takes a while."""

from __future__ import annotations

from evaluation.worlds import NOW, evidence, submission

from gate.cli.evaluate import Told


def test_a_person_hears_which_image_is_read_and_for_what_is_resolved() -> None:
    heard: list[str] = []
    told = Told(heard.append)
    image = evidence(submission(), (), submitted_at=NOW, now=NOW).image.image
    told.image(image)
    told.resolving("linux-x86_64-glibc2.36", "3.11")
    told.layer_started(0, image.layers[0])
    assert heard == [
        f"reading linux/amd64 {image.digest}",
        "resolving what was declared for linux-x86_64-glibc2.36 and Python 3.11",
    ]
