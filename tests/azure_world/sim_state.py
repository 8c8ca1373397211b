"""What the simulated Azure holds, and a switch for every way in which the real one answers less than it seems.

Shapes: Microsoft's REST references and the pages that gate/findings/defender names. No answer here was captured from
Azure; `fixtures/` says of each file where its shape is from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure_world.sim_aml import AmlWorld

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
OTHER_TENANT = "11111111-2222-4333-8444-555555555555"
SUBSCRIPTION = "0a1b2c3d-0000-4000-8000-000000000001"
REGISTRY = "gatestaging"
_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-models"
REGISTRY_ID = f"{_GROUP}/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"
CLIENT, SECRET = "c11e0000-0000-4000-8000-000000000001", "let-me-in"
Json = dict[str, Any]


def plan(tier: str = "Standard", **extensions: str) -> Json:
    """Return a pricing as Azure answers it; extensions are switched by the texts `True` and `False`."""
    listed = [{"name": name, "isEnabled": word} for name, word in extensions.items()]
    return {"properties": {"pricingTier": tier, "freeTrialRemainingTime": "PT0S", "extensions": listed}}


def registry_properties(host: str = "", **changes: object) -> Json:
    """Return the properties of a registry that Defender reaches."""
    made: Json = {
        "loginServer": host,
        "publicNetworkAccess": "Enabled",
        "networkRuleSet": {"defaultAction": "Allow", "ipRules": []},
        "networkRuleBypassOptions": "AzureServices",
        "roleAssignmentMode": "LegacyRegistryPermissions",
        "policies": {"quarantinePolicy": {"status": "disabled"}},
    }
    return {**made, **changes}


def allowance(
    *actions: str, data: tuple[str, ...] = (), taken: tuple[str, ...] = (), condition: str | None = None
) -> Json:
    """Return one entry of what an identity may do."""
    made: Json = {"actions": list(actions), "notActions": list(taken), "dataActions": list(data), "notDataActions": []}
    return made if condition is None else {**made, "condition": condition, "conditionVersion": "2.0"}


SECURITY_READER = allowance("Microsoft.Security/*/read", "Microsoft.Authorization/*/read")
ACR_PULL = allowance("Microsoft.ContainerRegistry/registries/pull/read")
REPOSITORY_READER = allowance(
    data=(
        "Microsoft.ContainerRegistry/registries/repositories/metadata/read",
        "Microsoft.ContainerRegistry/registries/repositories/content/read",
    )
)


@dataclass(slots=True, kw_only=True)
class Faults:
    """The switches. Each is off by default; counts are of requests to what they are about.

    Attributes:
        latency: seconds before each answer.
        about: faults of Resource Graph's pages concern questions alone that hold this text; all, if it is empty.
        throttled: how many of the next questions to Resource Graph are answered 429, with `retry_after` seconds.
        fail_page: number of the page (0 is the first) that is answered with `fail_status`, always.
        half_page: number of the page that lacks half of its rows and still announces all of them.
        lost_page: number of the page that is left out altogether: the token leads past it.
        repeated_page: number of the page that is served in place of the next one.
        cut: pages say that they are truncated and give no token.
        partial_scope: the header that says that not every subscription was looked at.
        quota: header values `remaining` and `resets-after` of each answer.
        hidden: Resource Graph shows no security rows: what a missing role looks like.
        registry_hidden: Resource Graph does not show the registry.
        status: every call to Resource Manager but the token is answered so, with `code`.
        foreign_next: `nextLink` of lists leads there instead of to the next page.
        not_json: answers are a login page with status 200.
    """

    latency: float = 0.0
    about: str = ""
    throttled: int = 0
    retry_after: str = "0"
    fail_page: int | None = None
    fail_status: int = 500
    half_page: int | None = None
    lost_page: int | None = None
    repeated_page: int | None = None
    cut: bool = False
    partial_scope: bool = False
    quota: tuple[str, str] | None = None
    hidden: bool = False
    registry_hidden: bool = False
    status: int = 0
    code: str = ""
    foreign_next: str = ""
    not_json: bool = False


@dataclass(slots=True, kw_only=True)
class AzureWorld:
    """The state behind one simulator. `asked` has every request as `METHOD path`, in order, without queries."""

    address: str = ""
    tenant: str = TENANT
    tokens_for: str = TENANT
    secret: str = SECRET
    subscription_state: str = "Enabled"
    provider: str = "Registered"
    plans: dict[str, Json] = field(
        default_factory=lambda: {
            "Containers": plan(
                ContainerRegistriesVulnerabilityAssessments="True", ContainerIntegrityContribution="True"
            ),
            "CloudPosture": plan("Free"),
        }
    )
    registry: Json = field(default_factory=registry_properties)
    registry_apis: tuple[str, ...] = ("2025-04-01", "2023-07-01", "2023-11-01-preview")
    permissions: list[Json] = field(default_factory=lambda: [SECURITY_READER, ACR_PULL])
    others: dict[str, tuple[Json, list[Json]]] = field(default_factory=dict)
    """Further registries, by resource id: their properties, and what the identity may do there."""
    assessments: list[Json] = field(default_factory=list)
    sub_assessments: dict[str, list[Json]] = field(default_factory=dict)
    page_rows: int = 1000
    list_rows: int = 100
    faults: Faults = field(default_factory=Faults)
    aml: AmlWorld | None = None
    asked: list[str] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)
    """Every `Authorization` that arrived at anything but the token endpoint."""
    issued: list[str] = field(default_factory=list)
    scopes: dict[str, list[str]] = field(default_factory=dict)
    """Tokens for others than Resource Manager, by the scope that they were asked for; others are refused."""
    prepared: dict[tuple[str, str], tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    """Pages of Resource Graph made beforehand, by question and token, so that making them costs no memory later."""
