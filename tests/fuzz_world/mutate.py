"""Make hostile definitions out of sound ones. Everything follows from one random generator, so that a seed repeats."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Protocol

from fuzz_world.shapes import SHAPES, Case
from fuzz_world.words import INCLUDES, OPENERS, PATHS, SECRET, UNITS, VARIABLES, WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from fuzz_world.seeds import Files


class Mutator(Protocol):
    """Changes the bytes of one file."""

    __name__: str

    def __call__(self, data: bytes, random: Random, pool: Sequence[Files]) -> bytes: ...


def make(random: Random, pool: Sequence[Files]) -> Case:
    """Return one case: a seed, changed one to four times."""
    case = Case(files=dict(random.choice(pool)))
    case.entry = random.choice(sorted(case.files)) if random.random() < 0.8 else ""
    for _ in range(random.choice((1, 1, 2, 3, 4))):
        name = case.entry or random.choice(sorted(case.files) or ["requirements.txt"])
        if random.random() < 0.12:
            change = random.choice(SHAPES)
            change(case, name, random)
            case.did.append(change.__name__)
        else:
            mutate = random.choices(list(MUTATORS), weights=list(MUTATORS.values()))[0]
            if name in case.files:
                case.files[name] = mutate(case.files[name], random, pool)
                case.did.append(mutate.__name__)
    return case


def at(data: bytes, random: Random) -> int:
    """Return a place in the bytes: any, or the start of a line."""
    if random.random() < 0.5:
        return random.randint(0, len(data))
    starts = [0, *(i + 1 for i, one in enumerate(data) if one == 10)]
    return random.choice(starts)


def put(data: bytes, piece: bytes, random: Random) -> bytes:
    place = at(data, random)
    return data[:place] + piece + data[place:]


def flip(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    changed = bytearray(data or b"x")
    for _ in range(random.choice((1, 1, 2, 8, 32))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def replace_bytes(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    changed = bytearray(data or b"x")
    for _ in range(random.choice((1, 2, 4))):
        changed[random.randrange(len(changed))] = random.choice(
            b"\x00\x0b\x0c\x1a\x1b\x85\xa0\xff\xfe'\"`$\\{}[]()<>|&;:#@%*!?~\n\r\t"
        )
    return bytes(changed)


def truncate(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    return data[: random.randint(0, len(data))]


def drop(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    start = at(data, random)
    return data[:start] + data[start + random.choice((1, 2, 5, 40, 400)) :]


def repeat(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    start = at(data, random)
    piece = data[start : start + random.choice((1, 3, 20, 200))]
    return data[:start] + piece * random.choice((2, 3, 50, 400)) + data[start:]


def splice(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    other = random.choice(list(random.choice(pool).values()))
    if random.random() < 0.5:
        return data[: at(data, random)] + other[at(other, random) :]
    start = at(other, random)
    return put(data, other[start : start + random.choice((10, 80, 1000))], random)


def lines(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    every = data.split(b"\n")
    for _ in range(random.choice((1, 2, 10))):
        one = random.randrange(len(every))
        other = random.randrange(len(every))
        every[one], every[other] = every[other], every[one]
    return b"\n".join(every)


def nest(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    opener, closer = random.choice(OPENERS)
    depth = random.choice((10, 60, 200, 1000, 5000, 50_000))
    inside = random.choice((b"", b"a", b"pip install a", b"a==1"))
    closers = closer * (depth if random.random() < 0.7 else random.randint(0, depth))
    head = random.choice((b"", b"", b"RUN ", b"- ", b"a = ", b"dependencies: ", b"image: ", b"a==1; "))
    return put(data, head + opener * depth + inside + closers + b"\n", random)


def indent(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    depth = random.choice((30, 100, 800))
    word = random.choice((b"a:\n", b"-\n", b"? a\n", b"- - a:\n"))
    return put(data, b"".join(b" " * i + word for i in range(depth)), random)


def bomb(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    width, depth = random.choice(((9, 9), (2, 40), (100, 4), (2, 400)))
    merge = random.random() < 0.3
    made = [b"a0: &a0 " + (b"{k: v}" if merge else b"[x, x]")]
    for level in range(1, depth):
        names = b", ".join([b"*a%d" % (level - 1)] * width)
        made.append(b"a%d: &a%d %s" % (level, level, (b"{<<: [%s]}" if merge else b"[%s]") % names))
    key = random.choice((b"dependencies", b"channels", b"image", b"build", b"environment", b"package", b"packages"))
    self_holding = b"b: &b [*b]\n" if random.random() < 0.2 else b""
    bombs = self_holding + b"\n".join(made) + b"\n%s: *a%d\n" % (key, depth - 1)
    return put(data, bombs, random) if random.random() < 0.5 else bombs + data


def flood(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    unit = random.choice(UNITS)
    count = random.choice((100, 1000, 5000, 20_000, 20_000, 60_000))
    head = random.choice(
        (
            b"",
            b"",
            b"RUN pip install ",
            b"a==",
            b"FROM ",
            b"- ",
            b"image: ",
            b"-r ",
            b"a @ ",
            b"a; ",
            b"a[",
            b'a = "',
            b"# ",
        )
    )
    tail = random.choice((b"\n", b"!\n", b"", b'"\n', b"]\n"))
    return put(data, head + unit * count + tail, random)


def huge_line(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    return put(data, random.choice(UNITS[:9]) * random.choice((600_000, 1_100_000, 2_000_000)), random)


def include(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    line = random.choice(INCLUDES).format(random.choice(PATHS))
    return put(data, b"\n" * random.randint(0, 1) + line.encode("utf-8", "surrogatepass") + b"\n", random)


def variable(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    name = random.choice((SECRET, SECRET, "HOME", "PATH"))
    form = random.choice(VARIABLES)
    try:
        text = form % ((name,) * form.replace("%%", "").count("%s"))
    except ValueError:
        text = form
    return put(data, text.encode(), random)


def word(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    for _ in range(random.choice((1, 1, 3))):
        data = put(data, random.choice(WORDS).encode("utf-8", "surrogatepass"), random)
    return data


def digits(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    places = [i for i, one in enumerate(data) if 48 <= one <= 57]
    if not places:
        return data
    place = random.choice(places)
    value = random.choice((b"9" * 20, b"9" * 5000, b"-1", b"0", b"1e999", b"0x1", b"1_0", "²".encode(), "٣".encode()))
    return data[:place] + value + data[place + 1 :]


def encode(data: bytes, random: Random, pool: Sequence[Files]) -> bytes:
    del pool
    text = data.decode("utf-8", "replace")
    match random.randrange(6):
        case 0:
            return codecs.BOM_UTF16_LE + text.encode("utf-16-le")[: random.choice((None, -1))]
        case 1:
            return codecs.BOM_UTF32_BE + text.encode("utf-32-be")[: random.choice((None, -1, -2))]
        case 2:
            return codecs.BOM_UTF8 * random.randint(1, 2) + data
        case 3:
            return text.encode("latin-1", "replace") + b"\xe9"
        case 4:
            return data.replace(b"\n", random.choice((b"\r", b"\r\n", b"\n\r", b"\x85", "\u2028".encode())))
        case _:
            return random.choice((codecs.BOM_UTF16_LE, codecs.BOM_UTF32_LE, codecs.BOM_UTF16_BE)) + data


MUTATORS: dict[Mutator, int] = {
    flip: 4,
    replace_bytes: 6,
    truncate: 3,
    drop: 4,
    repeat: 4,
    splice: 6,
    lines: 3,
    nest: 5,
    indent: 2,
    bomb: 3,
    flood: 5,
    huge_line: 1,
    include: 8,
    variable: 5,
    word: 10,
    digits: 4,
    encode: 3,
}
"""Every way to change bytes, and how often it is taken."""
