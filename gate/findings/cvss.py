"""CVSS v3.0 and v3.1 base scores from their vectors, and the ratings of scores.

Source: FIRST, Common Vulnerability Scoring System v3.1, specification document, sections 5, 7 and appendix A.
Other versions are not computed: their findings stay `unknown`, which no rule takes for low.
"""

from __future__ import annotations

from collections.abc import Mapping

from gate.model.finding import FindingSeverity

_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0.0, "C": 1.0},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES_CHANGED = {"N": 0.85, "L": 0.68, "H": 0.5}
_PREFIXES = ("CVSS:3.0", "CVSS:3.1")
_UNIT = 100_000
_RATINGS = (
    (9.0, FindingSeverity.CRITICAL),
    (7.0, FindingSeverity.HIGH),
    (4.0, FindingSeverity.MEDIUM),
    (0.0, FindingSeverity.LOW),
)


def base_score(vector: str) -> float | None:
    """Return the base score, 0.0 to 10.0, of a v3.x vector; None for anything that is not a whole one.

    Temporal and environmental metrics may follow and are not counted: they would only speak for somebody else.
    """
    prefix, _, rest = vector.partition("/")
    if prefix not in _PREFIXES:
        return None
    metrics: dict[str, str] = {}
    for part in rest.split("/"):
        name, separator, value = part.partition(":")
        if not separator or name in metrics:
            return None
        metrics[name] = value
    if any(metrics.get(name) not in weights for name, weights in _WEIGHTS.items()):
        return None
    return _score(metrics)


def rating(score: float) -> FindingSeverity:
    """Return the severity of a score (section 5). 0.0 is `None` there and `low` here: a finding has no less."""
    if not 0.0 <= score <= 10.0:  # noqa: PLR2004 - the scale's ends; NaN fails this too
        return FindingSeverity.UNKNOWN
    return next(severity for least, severity in _RATINGS if score >= least)


def _score(metrics: Mapping[str, str]) -> float:
    weight = {name: weights[metrics[name]] for name, weights in _WEIGHTS.items()}
    changed = metrics["S"] == "C"
    if changed:
        weight["PR"] = _PRIVILEGES_CHANGED[metrics["PR"]]
    base = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 if changed else 6.42 * base
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * weight["PR"] * weight["UI"]
    total = 1.08 * (impact + exploitability) if changed else impact + exploitability
    return _rounded_up(min(total, 10.0))


def _rounded_up(value: float) -> float:
    """Round up to one decimal as appendix A of v3.1 does, so that binary fractions can't lift a score."""
    scaled = round(value * _UNIT)
    step = _UNIT // 10
    return -(-scaled // step) / 10
