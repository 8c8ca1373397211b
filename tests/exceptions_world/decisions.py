"""A decision on an image whose environment declares what nobody safelisted."""

from __future__ import annotations

from datetime import datetime

from exceptions_world.parts import NOW, POLICY, STAGING

from gate.model.decision import Decision
from gate.model.evidence import Evidence, ExceptionFacts, FindingFacts
from gate.model.exception import Grant
from gate.model.image import Component, ImageFacts, Inventory, Proof, ProofLevel
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Declared, Reference
from gate.policy.decide import decide
from gate.policy.schema import DecisionPolicy, Policy, Safelist

DIGEST = f"sha256:{'a' * 64}"
VCS = "https://git.example.org/acme/forecast"


def whole_policy(*standing: Grant) -> Policy:
    """Return a policy that safelists nothing."""
    safelist = Safelist(version="gate.safelist/1", python_indexes=(), conda_channels=(), image_registries=())
    return Policy(safelist=safelist, decision=DecisionPolicy(version="gate.policy/1"), workflow=POLICY, grants=standing)


def declared(count: int = 1) -> tuple[Reference, ...]:
    """Return references to a source repository and to packages of a private index."""
    index = Origin(kind=OriginKind.PYTHON_INDEX, location="https://index.example.org/simple")
    packages = tuple(
        Reference(
            kind=Kind.PYPI, name=f"private-{n}", spec="==1.0", origins=(index,), file="requirements.txt", line=n + 2
        )
        for n in range(count)
    )
    vcs = Reference(
        kind=Kind.VCS,
        name=VCS,
        spec="main",
        origins=(Origin(kind=OriginKind.VCS, location=VCS),),
        file="requirements.txt",
        line=1,
    )
    return (vcs, *packages)


def denied(*, now: datetime = NOW, count: int = 1) -> Decision:
    """Decide on it, as an evaluation does."""
    image = ImageFacts(
        repository=STAGING,
        digest=DIGEST,
        media_type="application/vnd.oci.image.manifest.v1+json",
        config_digest=DIGEST,
        platform="linux/amd64",
        layers=(),
    )
    unreachable = Proof(level=ProofLevel.UNKNOWN, code="unreachable", transient=True)
    component = Component(kind=Kind.PYPI, name="passing", version="1", path="x.dist-info", layer=0, proof=unreachable)
    evidence = Evidence(
        repository=STAGING,
        subject=DIGEST,
        submitted_at=NOW,
        environment=Declared(references=declared(count)),
        image=Inventory(image=image, components=(component,)),
        findings=FindingFacts(),
        exceptions=ExceptionFacts(),
    )
    return decide(evidence, whole_policy(), now)
