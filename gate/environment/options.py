"""Split a command's words into options and operands, as the tool that owns the grammar would."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gate.environment.found import Word

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """Which options take a value.

    `values` maps every spelling that takes a value to one canonical name; `flags` are spellings without a value that
    matter (short ones in bundles, long ones for abbreviations). `abbreviated`: unique prefixes of long options count,
    as optparse lets them. An option that is in neither is taken for a flag.
    """

    values: dict[str, str]
    flags: frozenset[str] = frozenset()
    abbreviated: bool = False


@dataclass(slots=True)
class Parsed:
    """Options in order (canonical name or spelling, value word or None) and the operands."""

    options: list[tuple[str, Word | None]] = field(default_factory=list)
    operands: list[Word] = field(default_factory=list)

    def all(self, name: str) -> list[Word]:
        """Return the values given for one canonical name."""
        return [value for key, value in self.options if key == name and value is not None]

    def last(self, name: str) -> Word | None:
        """Return the value that counts: the last one given."""
        return next(reversed(self.all(name)), None)

    def has(self, *names: str) -> bool:
        """Say whether any of these was given."""
        return any(key in names for key, _ in self.options)


def grammar(values: str, flags: str = "", *, abbreviated: bool = False) -> Grammar:
    """Build a grammar from words: `-r/--requirement` are spellings of one option, named by the last."""
    table: dict[str, str] = {}
    for group in values.split():
        spellings = group.split("/")
        table.update(dict.fromkeys(spellings, spellings[-1]))
    return Grammar(values=table, flags=frozenset(flags.split()), abbreviated=abbreviated)


def parse_options(words: Sequence[Word], rules: Grammar) -> Parsed:
    """Split the words; `--` ends the options."""
    out = Parsed()
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word.text == "--":
            out.operands.extend(words[index:])
            break
        if not word.text.startswith("-") or word.text == "-":
            out.operands.append(word)
        elif word.text.startswith("--"):
            index = _long(word, words, index, rules, out)
        else:
            index = _short(word, words, index, rules, out)
    return out


def _long(word: Word, words: Sequence[Word], index: int, rules: Grammar, out: Parsed) -> int:
    name, equals, value = word.text.partition("=")
    canonical = rules.values.get(name)
    if canonical is None and rules.abbreviated and name not in rules.flags:
        canonical = _abbreviation(name, rules)
    if canonical is None:
        out.options.append((name, Word(text=value, line=word.line) if equals else None))
        return index
    if equals:
        out.options.append((canonical, Word(text=value, line=word.line)))
        return index
    out.options.append((canonical, words[index] if index < len(words) else None))
    return index + 1


def _abbreviation(name: str, rules: Grammar) -> str | None:
    matches = {rules.values.get(one, one) for one in (*rules.values, *rules.flags) if one.startswith(name)}
    canonical = matches.pop() if len(matches) == 1 else None
    return canonical if canonical in set(rules.values.values()) else None


def _short(word: Word, words: Sequence[Word], index: int, rules: Grammar, out: Parsed) -> int:
    # Some tools (go, java) spell long options with one dash: the whole word first.
    name, equals, value = word.text.partition("=")
    if name in rules.values and len(name) > 2:  # noqa: PLR2004 - a dash and one letter is a short option
        given = Word(text=value, line=word.line) if equals else (words[index] if index < len(words) else None)
        out.options.append((rules.values[name], given))
        return index if equals else index + 1
    letters = word.text[1:]
    for position, letter in enumerate(letters):
        option = f"-{letter}"
        if option not in rules.values:
            out.options.append((option, None))
            continue
        rest = letters[position + 1 :]
        if rest:
            out.options.append((rules.values[option], Word(text=rest.removeprefix("="), line=word.line)))
            return index
        out.options.append((rules.values[option], words[index] if index < len(words) else None))
        return index + 1
    return index
