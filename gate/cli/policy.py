"""`gate policy`: show the policy in force, check a policy folder, print schemas and rules."""

from __future__ import annotations

import importlib
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.cli import policy_base
from gate.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.reports.policy_shown import RulePage

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Show and check the policy in force.",
)
app.add_typer(policy_base.app, name="base")

_CANNOT_BE_USED = 12


class Format(StrEnum):
    """How a policy is written; each is a module of `gate.reports`."""

    TEXT = "text"
    JSON = "json"


class RuleFormat(StrEnum):
    """How rules are written; each is a module of `gate.reports`."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class PolicyFile(StrEnum):
    """The kinds of files of a policy."""

    SAFELIST = "safelist"
    POLICY = "policy"
    WORKFLOW = "workflow"
    GRANT = "grant"


@app.command()
def show(
    *,
    policy: Annotated[
        Path | None,
        typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
) -> None:
    """Show the policy in force, its digest and where it was taken from.

    Exit codes: 0 shown, 12 the policy can't be used, 2 wrong usage.
    """
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.policy.source import embedded, load_policy  # noqa: PLC0415
    from gate.reports.policy_shown import EMBEDDED, ENVIRONMENT, OPTION, ShownPolicy  # noqa: PLC0415

    folder, named_by = policy, OPTION
    if folder is None:
        folder, named_by = load_config(os.environ).policy, ENVIRONMENT
    if folder is None:
        folder, named_by = embedded(), EMBEDDED
    shown = ShownPolicy(policy=load_policy(folder), folder=folder, named_by=named_by)
    renderer = importlib.import_module(f"gate.reports.policy_show_{style.value}")
    typer.echo(renderer.render(shown), nl=False)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with `allowlist/` and `exceptions/`.")],
) -> None:
    """Check a policy folder and name everything that is wrong with it.

    Exit codes: 0 the policy can be used, 12 it can't, 2 wrong usage.
    """
    from gate.policy.source import load_policy, policy_problems  # noqa: PLC0415 - as above

    problems = policy_problems(folder) or tuple(_contradictions(folder))
    for problem in problems:
        typer.echo(f"{problem.error_code}: {problem.message}")
        for name, value in sorted(problem.facts.items()):
            typer.echo(f"  {name}: {value}")
        typer.echo(f"  next: {problem.hint}")
    if problems:
        typer.echo(f"{len(problems)} problem(s): this policy is refused")
        raise typer.Exit(_CANNOT_BE_USED)
    typer.echo(f"sound: {load_policy(folder).fingerprint()}")


@app.command()
def schema(
    file: Annotated[PolicyFile, typer.Argument(metavar="FILE", help="safelist, policy, workflow or grant.")],
) -> None:
    """Print the JSON Schema of one kind of policy file, for editors.

    Exit codes: 0 printed, 2 wrong usage.
    """
    from gate.reports.policy_schema import render  # noqa: PLC0415 - as above

    typer.echo(render(file.value), nl=False)


@app.command()
def rules(
    wanted: Annotated[list[str] | None, typer.Argument(metavar="RULE…", help="Only these rules, by id.")] = None,
    *,
    style: Annotated[RuleFormat, typer.Option("--format", help="How standard output is written.")] = RuleFormat.TEXT,
    pages: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one Markdown page a rule into this folder instead.")
    ] = None,
) -> None:
    """Explain the rules: what each demands, and for each code the reason and the way out.

    Exit codes: 0 printed, 2 wrong usage.
    """
    chosen = _chosen(wanted or [])
    if pages is not None:
        _write(pages, chosen)
        return
    renderer = importlib.import_module(f"gate.reports.policy_rules_{style.value}")
    typer.echo(renderer.render(chosen), nl=False)


def _chosen(wanted: Sequence[str]) -> tuple[RulePage, ...]:
    from gate.reports.policy_shown import rule_pages  # noqa: PLC0415 - as above

    known = {page.id: page for page in rule_pages()}
    for rule in wanted:
        if rule not in known:
            message = f"there is no rule `{rule}`"
            raise UsageError(message, hint=f"known: {', '.join(known)}")
    return tuple(page for page in known.values() if not wanted or page.id in wanted)


def _write(folder: Path, chosen: Sequence[RulePage]) -> None:
    from gate.reports.policy_rules_markdown import files_of  # noqa: PLC0415 - as above

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files_of(chosen).items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"the pages can't be written to `{folder}`: {error.strerror}"
        raise UsageError(message, hint="name a folder that can be written", folder=folder) from error


def _contradictions(folder: Path) -> Iterator[PolicyError]:
    """Yield what each file may say and the whole must not: read alone, each of these would switch a rule off."""
    from gate.model.origin import Kind  # noqa: PLC0415 - as above
    from gate.policy.source import load_policy  # noqa: PLC0415
    from gate.promotion.places import Places  # noqa: PLC0415

    policy = load_policy(folder)
    try:
        Places.of((place.staging, place.release) for place in policy.decision.promotion)
    except PolicyError as error:
        yield error
    for entry in policy.workflow.never:
        kind, _, name = entry.partition("/")
        if kind not in set(Kind) or not name:
            message = f"`never` has `{entry}`, which forbids nothing"
            yield PolicyError(message, code="never_unclear", hint=f"write `kind/name`, kind one of {', '.join(Kind)}")
    for name in policy.safelist.reserved_names:
        if not name.strip("*") or "*" in name[:-1]:
            message = f"`reserved_names` has `{name}`, which is no name and no prefix"
            yield PolicyError(message, code="reserved_unclear", hint="write a name, or a prefix that ends in `*`")
