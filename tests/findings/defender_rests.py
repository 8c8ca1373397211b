"""What each row of the table rests on, and what its report says of it: taken away, the row must not say the same.

A row that says the same without what it is about has not looked at it. A row that rests on an absence has nothing
that could be taken away: it is given a sound proof instead, which must turn it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure_world.sim_gate import signed_artifact
from azure_world.sim_rows import individual
from azure_world.sim_state import AzureWorld, Faults, registry_properties

if TYPE_CHECKING:
    from findings.defender_cases import Stage


def _rows(stage: Stage) -> None:
    stage.world.assessments = [individual("sha256:" + "c" * 64, 999_999)]
    stage.world.sub_assessments = {key: [] for key in stage.world.sub_assessments}


def _artifact(stage: Stage) -> None:
    stage.registry.listed.clear()


def _reports(stage: Stage) -> None:
    stage.scans = None


def _faults(stage: Stage) -> None:
    """Switch every fault off: of Azure, of the registry and of the gate's own settings."""
    usual, world = AzureWorld(), stage.world
    world.faults, stage.registry.status = Faults(), 0
    world.plans, world.provider, world.permissions = usual.plans, usual.provider, usual.permissions
    world.tokens_for, world.registry = usual.tokens_for, registry_properties(world.registry["loginServer"])
    stage.settings.pop("AZURE_CLIENT_SECRET", None)


def _absence(stage: Stage) -> None:
    signed_artifact(stage.registry, stage.signer)


TAKEN_AWAY: Mapping[str, Callable[[Stage], object]] = {
    "rows": _rows,
    "artifact": _artifact,
    "reports": _reports,
    "faults": _faults,
    "absence": _absence,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What a row rests on, and words of its report's proof or message that only this can have brought about."""

    on: str
    says: str


def _each(on: str, **says: str) -> dict[str, Rest]:
    return {row.replace("_", "-"): Rest(on=on, says=words) for row, words in says.items()}


_NOTHING = "no row about this digest"
_CHAIN = "signature_refused: "

RESTS: Mapping[str, Rest] = {
    **_each(
        "absence",
        nothing=_NOTHING,
        retired=_NOTHING,
        retired_gone=_NOTHING,
        zero_unproven=_NOTHING,
        hours=_NOTHING,
        same_tag=_NOTHING,
        index_scanned=_NOTHING,
    ),
    **_each(
        "rows",
        scheduled="has scheduled the scan",
        healthy_image="rows",
        healthy_row="rows",
        high="rows",
        low="rows",
        old_row="the last scan known is from 2026-10-01",
        undated_row="rows",
        unsupported="the operating system is not supported",
        models_contradict="one model of rows has findings",
        unhealthy_without_rows="the image is called unhealthy",
        grouped="rows",
        python_text="CvesDetails` is text, and not JSON",
        object_not_text="rows",
        digest_missing="resourceAdditionalData` is not an object",
        two_digests="is about another digest",
        exempt="rows",
        not_assessed="1 row(s) name this digest",
        critical="rows",
        unknown="rows",
        unnamed="rows",
    ),
    **_each(
        "faults",
        plan_free="preflight `plan`: Containers: Free",
        extension_off="Assessments: False",
        provider_off="preflight `provider`",
        hidden="preflight `rows-visible`: 0 rows",
        registry_hidden="preflight `registry-visible`",
        forbidden="upstream_forbidden",
        role_missing="preflight `security-reader`",
        broken="answered 500",
        login_page="upstream_not_json",
        firewall="preflight `network`",
        quarantine="preflight `quarantine`",
        registry_refuses="upstream_unauthorized",
        half_page="a page announces 10 rows and has 5",
        lost_page="20 of 30 rows came",
        repeated_page="a row came twice",
        cut="graph_partial: Resource Graph's answer is not whole: a page was cut",
        fails_midway="answered 500",
        throttled_midway="upstream_throttled",
        partial_scope="graph_partial: Resource Graph's answer is not whole: not every subscription",
        partial_preflight="preflight `registry-visible`: graph_partial",
        foreign_page="page_foreign",
        abac="preflight `registry-reader`: roleAssignmentMode is `AbacRepositoryPermissions`",
        other_tenant="preflight `tenant`: upstream_unauthorized",
        secret_refused="preflight `sign-in`",  # noqa: S106 - a row's name and what its report says
    ),
    **_each(
        "artifact",
        signed="artifact",
        artifact_against_rows="the findings artifact lists 1 result(s)",
        unsigned="not_signed: ",
        other_root=_CHAIN,
        own_key=_CHAIN,
        grafted_root=_CHAIN,
        other_name=_CHAIN,
        revoked="was revoked by policy",
        revoked_key="was revoked by policy",
        revoked_root="was revoked by policy",
        other_subject=_CHAIN,
        replayed="other_subject: ",
        other_body="its statement is about another digest",
        before_push="older_than_push: ",
        future="from_the_future: ",
    ),
    **_each(
        "reports",
        sarif="sarif",
        sarif_results="sarif",
        sarif_no_digest="digest_not_named: ",
        sarif_other_digest="digest_not_named: ",
        sarif_stranger="not_a_scanner: ",
        sarif_requester="own_proof: ",
        sarif_unfinished="not_finished: ",
    ),
}
"""By row. A test holds it to the table: every row stands here, once."""
