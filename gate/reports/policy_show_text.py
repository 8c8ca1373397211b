"""The policy in force for a person at a terminal: where it is from, its digest, and what it lets in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.policy.ruleset import RULESET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta

    from gate.policy.schema import DecisionPolicy, Safelist
    from gate.reports.policy_shown import ShownPolicy


def render(shown: ShownPolicy) -> str:
    """Return the text. An empty list is said to be empty: it lets nothing in."""
    return "".join(f"{line}\n" for line in _lines(shown))


def _lines(shown: ShownPolicy) -> Iterator[str]:
    policy = shown.policy
    yield f"policy    {policy.fingerprint()}"
    yield f"rule set  {RULESET}"
    yield f"from      {shown.folder} ({shown.named_by})"
    yield ""
    yield from _safelist(policy.safelist)
    yield ""
    yield from _decision(policy.decision)
    yield ""
    workflow = policy.workflow
    yield f"exceptions last {_length(workflow.default)} unless said otherwise, {_length(workflow.longest)} at most"
    yield _list("never excepted", workflow.never)
    yield _list("standing grants", (f"{one.id} until {one.expires:%Y-%m-%d}" for one in policy.grants))


def _safelist(safelist: Safelist) -> Iterator[str]:
    yield "anyone may use:"
    yield _list("  Python indexes", (one.name for one in safelist.python_indexes))
    yield _list("  conda channels", (one.name for one in safelist.conda_channels))
    yield _list("  image registries", (f"{one.host}/{one.path}".rstrip("/") for one in safelist.image_registries))
    yield _list("  azureml registries", safelist.azureml_registries)
    yield _list("  OS archives", (one.name for one in safelist.os_archives))
    yield _list("  base images", (f"{one.reference} ({len(one.diff_ids)} layers)" for one in safelist.base_images))
    yield f"  conda's implicit `defaults`: {safelist.implicit_defaults.value}"
    yield _list("  private names, never asked of a public index", safelist.reserved_names)


def _decision(decision: DecisionPolicy) -> Iterator[str]:
    findings = decision.findings
    yield f"least proof of origin: {decision.proof.pypi.value} for pypi, {decision.proof.conda.value} for conda"
    yield _list("findings that block", (one.value for one in findings.block))
    yield f"a scan may be {_length(findings.defender.max_age)} old"
    allowed = "ALLOWED: for demonstrations and tests alone" if findings.defender.allow_recorded else "refused"
    yield f"recordings instead of Defender: {allowed}"
    ages = findings.advisories
    yield f"advisories: a warning past {_length(ages.soft_age)}, missing evidence past {_length(ages.hard_age)}"
    yield f"an image waits for evidence for {_length(findings.deadline)}, then it is discarded"
    yield _list("staging to release", (f"{one.staging} to {one.release}" for one in decision.promotion))


def _list(name: str, entries: Iterable[str]) -> str:
    return f"{name}: {', '.join(entries) or '(none)'}"


def _length(duration: timedelta) -> str:
    hours, rest = divmod(int(duration.total_seconds()), 3600)
    if rest or hours < 48 or hours % 24:  # noqa: PLR2004 - below two days hours read better
        return f"{hours} h" + (f" {rest} s" if rest else "")
    return f"{hours // 24} days"
