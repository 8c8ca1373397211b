"""One rule a file: id, reason, way out, and a check over evidence and policy. Adding one adds a line to `ALL`."""

from __future__ import annotations

from gate.policy.rule import Rule
from gate.policy.rules.advisories import AdvisoriesComplete
from gate.policy.rules.base_declared import BaseDeclared
from gate.policy.rules.base_image import BaseImageListed
from gate.policy.rules.component_origin import ComponentOrigin
from gate.policy.rules.declared_origin import DeclaredOrigin
from gate.policy.rules.declared_resolved import DeclaredResolved
from gate.policy.rules.drift import NoDrift
from gate.policy.rules.environment_read import EnvironmentRead
from gate.policy.rules.findings import FindingsBelowBar
from gate.policy.rules.grants_named import GrantsNamed
from gate.policy.rules.image_platform import ImagePlatform
from gate.policy.rules.image_read import ImageRead
from gate.policy.rules.image_start import ImageStart
from gate.policy.rules.index_children import IndexChildren
from gate.policy.rules.other_content import OtherContent
from gate.policy.rules.reference_data import ReferenceDataFresh
from gate.policy.rules.scan_proof import ScanProof
from gate.policy.rules.sources_agree import SourcesAgree
from gate.policy.rules.tool_config import ToolConfigLeft
from gate.policy.rules.waivers import WaiversNamed

ALL: tuple[Rule, ...] = (
    EnvironmentRead(),
    DeclaredOrigin(),
    ImagePlatform(),
    ImageRead(),
    IndexChildren(),
    BaseImageListed(),
    BaseDeclared(),
    ComponentOrigin(),
    OtherContent(),
    ImageStart(),
    ToolConfigLeft(),
    DeclaredResolved(),
    NoDrift(),
    ScanProof(),
    AdvisoriesComplete(),
    ReferenceDataFresh(),
    FindingsBelowBar(),
    SourcesAgree(),
    WaiversNamed(),
    GrantsNamed(),
)
"""Every rule, in the order in which a report shows them."""

ASKED_ONCE = frozenset({EnvironmentRead.id, DeclaredOrigin.id, ImagePlatform.id, IndexChildren.id})
"""Rules about what the images of an index share; every other one is asked about each image."""

EVIDENCE = {
    ScanProof.id: "defender",
    AdvisoriesComplete.id: "advisories",
    ReferenceDataFresh.id: "",
    DeclaredResolved.id: "resolver",
}
"""Rules that hold for want of evidence: whose it is, or nothing where the result's subject names it."""
