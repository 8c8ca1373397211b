"""One image on a listed base with one package of the index in it: it would be promoted, unless an attack is added."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from image.image_world import World as Registry
from image.image_world import layer, ref_to
from index.wheel_maker import WheelRecipe

from gate.bounds import ImageBounds
from gate.demo.wheels import installed
from gate.image.inventory import read_inventory
from gate.model.decision import Decision, Outcome
from gate.model.evidence import Evidence, ExceptionFacts, FindingFacts
from gate.model.finding import DataSnapshot, ScanState, SourceReport
from gate.model.origin import PYPI, Kind, Origin, OriginKind
from gate.model.reference import Declared, Reference
from gate.origin.prove import prove_inventory
from gate.policy.decide import decide
from gate.policy.schema import BaseImage, Policy
from gate.policy.source import load_policy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from image.image_world import Node
    from index.index_server import IndexServer

    from gate.index.client import PythonIndex
    from gate.model.exception import Grant
    from gate.model.image import Inventory
    from gate.policy.schema import Treatment

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SITE = "usr/local/lib/python3.12/site-packages"
STDLIB = "usr/local/lib/python3.12"
BASE_REFERENCE = "mcr.example/base:1"
SOURCE = b"VALUE = 1\n"
DEMO = WheelRecipe(
    files={"demo_pkg/__init__.py": SOURCE, "demo_pkg/data.json": b"{}"}, scripts="demo = demo_pkg:main\n"
)
EVIL = b"import socket\n"

BASE: Mapping[str, Node] = {
    "etc/os-release": b"ID=debian\nVERSION_ID=12\n",
    "etc/python3.12/sitecustomize.py": b"# nothing\n",
    "etc/profile": b"PATH=/usr/bin\n",
    "usr/bin/tool": b"\x7fELF tool",
    "usr/lib/python3/dist-packages/debtool/__init__.py": b"DEB = 1\n",
    "usr/lib/python3/dist-packages/debtool-1.0.egg-info/PKG-INFO": (
        b"Metadata-Version: 2.1\nName: debtool\nVersion: 1.0\n"
    ),
    "usr/local/bin/python3.12": b"\x7fELF python",
    "usr/local/bin/python": "-> python3.12",
    f"{STDLIB}/os.py": b"# os\n",
    f"{STDLIB}/__pycache__/os.cpython-312.pyc": b"byte code of os",
    "var/lib/dpkg/info/base-files.list": b"/.\n/etc/os-release\n/etc/profile\n",
    "var/lib/dpkg/info/debtool.list": b"/.\n/usr/bin/tool\n/usr/lib/python3/dist-packages/debtool/__init__.py\n"
    b"/usr/lib/python3/dist-packages/debtool-1.0.egg-info/PKG-INFO\n/etc/python3.12/sitecustomize.py\n",
    "var/lib/dpkg/status": b"Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4\n"
    b"Conffiles:\n /etc/profile 0123456789abcdef0123456789abcdef\n\n"
    b"Package: debtool\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0-1\n"
    b"Conffiles:\n /etc/python3.12/sitecustomize.py 0123456789abcdef0123456789abcdef\n\n",
}
"""A base image as Debian's with a Python of its own, the shortest that has all of it."""


def policy_of(*diff_ids: str) -> Policy:
    """Return the embedded defaults with one base image listed and recordings allowed."""
    defaults = load_policy()
    base = BaseImage(reference=BASE_REFERENCE, diff_ids=diff_ids)
    return defaults.model_copy(update={"safelist": defaults.safelist.model_copy(update={"base_images": (base,)})})


def reports_of(inventory: Inventory) -> tuple[SourceReport, ...]:
    """Return a clean scan and a clean audit of everything in the image."""
    subject = inventory.image.digest
    audited = sum(part.kind is Kind.CONDA or part.is_python for part in inventory.components)
    data = DataSnapshot(kind="osv-pypi", digest="sha256:" + "5" * 64, source="test", published_at=NOW, imported_at=NOW)
    clean = SourceReport(source="defender", subject=subject, state=ScanState.CLEAN, scanned_at=NOW, proof="artifact")
    return clean, clean.model_copy(update={"source": "advisories", "audited": audited, "data": data})


@dataclass(kw_only=True)
class Attack:
    """The index, the base, and what was judged last."""

    server: IndexServer
    index: PythonIndex
    folder: Path
    base: dict[str, Node] = field(default_factory=lambda: dict(BASE))
    config: dict[str, object] = field(default_factory=dict)
    grants: Sequence[Grant] = ()

    def install(self, *recipes: WheelRecipe, publish: bool = True) -> dict[str, Node]:
        """Publish wheels on the index and return the files that an installer leaves of them."""
        for recipe in recipes:
            if publish:
                self.server.publish(recipe.name.replace("_", "-"), recipe.filename, recipe.build_bytes())
        return dict(installed([recipe.write(self.folder / "wheels") for recipe in recipes]))

    def read(self, *layers: Mapping[str, Node], policy: Policy | None = None) -> tuple[Inventory, Policy]:
        """Read and prove an image of the base and these layers."""
        registry = Registry()
        base, *above = [layer(one) for one in (self.base, *layers)]
        known = policy or policy_of(base.diff_id)
        digest = registry.image(base, *above, config=self.config)
        catalogue = [(one.reference, one.diff_ids) for one in known.safelist.base_images]
        inventory, files = read_inventory(registry, ref_to(digest), bounds=ImageBounds(), base_catalogue=catalogue)
        return prove_inventory(inventory, files, index=self.index, grants=self.grants), known

    def judge(
        self,
        *layers: Mapping[str, Node],
        looked: bool = True,
        content: Mapping[str, Treatment] | None = None,
        policy: Policy | None = None,
    ) -> Decision:
        """Decide on an image of the base and these layers; all sources say that it is clean.

        `content` overwrites what policy says of content without an owner; `policy` may list another base.
        """
        inventory, policy = self.read(*layers, policy=policy)
        changed = policy.decision.content.model_copy(update=dict(content or {}))
        policy = policy.model_copy(update={"decision": policy.decision.model_copy(update={"content": changed})})
        if not looked:
            inventory = inventory.model_copy(update={"above": None})
        evidence = Evidence(
            repository=inventory.image.repository,
            subject=inventory.image.digest,
            submitted_at=NOW,
            environment=Declared(
                references=(
                    Reference(
                        kind=Kind.PYPI,
                        name="demo-pkg",
                        spec="==1.0",
                        origins=(Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI),),
                        file="requirements.txt",
                        line=1,
                    ),
                ),
                files=("requirements.txt",),
            ),
            image=inventory,
            findings=FindingFacts(reports=reports_of(inventory)),
            exceptions=ExceptionFacts(grants=tuple(self.grants)),
        )
        return decide(evidence, policy, NOW)

    def codes(self, *layers: Mapping[str, Node]) -> set[str]:
        """Return the codes with which an image is refused; nothing means that it was promoted."""
        decision = self.judge(*layers)
        found = {answer.code for answer in decision.results if answer.status in {"fail", "unknown"}}
        assert bool(found) == (decision.outcome is not Outcome.PROMOTE)
        return found
