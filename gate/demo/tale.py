"""The demonstration itself: every step calls what the command line calls, and says so."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from gate.account import account_of
from gate.config import Config, load_config
from gate.data.importer import import_file
from gate.data.interface import DataKind
from gate.demo import images, stage, wheels
from gate.environment.check import merge
from gate.environment.reader import read_definition
from gate.errors import GateError
from gate.evaluation import Submission
from gate.exceptions.interface import Filing, Upload
from gate.exceptions.workflow import Terms
from gate.ledger.reader import LedgerReader
from gate.ledger.verify import Verified, explain, verify
from gate.ledgered_data import LedgeredReferenceData
from gate.model.decision import Outcome
from gate.model.image import ImageRef, Transport
from gate.model.principal import Principal
from gate.policy.source import load_policy
from gate.registry.layout import OciLayout
from gate.reports.evaluation_text import render
from gate.store.engine import reading
from gate.wiring import Gate, clock, open_gate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gate.account import Account
    from gate.policy.schema import Policy

SCIENTIST = Principal(tenant="acme", object_id="data-scientist")
STEWARD = Principal(tenant="acme", object_id="package-steward")
PIPELINE = Principal(tenant="acme", object_id="pipeline")


class Tale:
    """One run of the demonstration in one folder."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        """Tell the steps through `say`, a line or a paragraph a call."""
        self._folder = folder
        self._say = say
        self._store = OciLayout()
        self._staging, self._release = folder / "staging", folder / "release"

    def tell(self) -> bool:
        """Run every step; true if each came out as it must."""
        self._say(
            "The Defender answer in this demonstration is a RECORDING made on the spot: no Azure is asked.\n"
            "Wheels and the proof of their origin are real: they come from PyPI now."
        )
        base, complying, private, wheel = self._build()
        config, policy = self._config(base.diff_id)
        first, second = stage.write_environments(self._folder)
        with open_gate(config, policy) as gate:
            self._import(gate)
            self._shelves("before")
            promoted = self._evaluate(gate, policy, "churn-baseline", (base, complying), first)
            discarded = self._evaluate(gate, policy, "churn-model", (base, complying, private), second)
            self._shelves("after both evaluations")
            self._except(gate, discarded, wheel)
            granted = self._evaluate(gate, policy, "churn-model", (base, complying, private), second)
            self._shelves("after the exception")
            intact = self._verify(gate)
        outcomes = (promoted.outcome, discarded.outcome, granted.outcome)
        return intact and outcomes == (Outcome.PROMOTE, Outcome.DISCARD, Outcome.PROMOTE)

    def _build(self) -> tuple[images.Layer, images.Layer, images.Layer, Path]:
        self._say("1. Build two images: real wheels by pip's downloader, unpacked as data, nothing run.")
        downloaded = wheels.download(self._folder / "wheels")
        wheel = wheels.private_wheel(self._folder / "private")
        self._say("\n".join(f"   {path.name}" for path in (*downloaded, wheel)))
        layers = images.Layer(images.BASE_FILES), images.Layer(wheels.installed(downloaded))
        return (*layers, images.Layer(wheels.installed([wheel])), wheel)

    def _config(self, base_diff_id: str) -> tuple[Config, Policy]:
        folder = self._folder / "policy"
        stage.write_policy(folder, base_diff_id, self._staging, self._release)
        self._say("2. The embedded default policy, but:\n" + "\n".join(f"   - {line}" for line in stage.DIFFERENCES))
        # Nothing of the caller's own settings but bounds: the demonstration must not write into a real database.
        kept = {key: value for key, value in os.environ.items() if key.startswith("GATE_BOUND_") or key == "HOME"}
        config = load_config({**kept, "GATE_HOME": str(self._folder / "home")})
        return replace(config, defender_recording=self._folder / "defender.json"), load_policy(folder)

    def _import(self, gate: Gate) -> None:
        facts = stage.write_advisories(self._folder / "advisories.jsonl")
        now = clock()
        into = LedgeredReferenceData(gate.engine, actor=PIPELINE.key, now=now)
        stored = import_file(DataKind.OSV_PYPI, facts, into=into, source="demonstration", now=now)
        self._say(f"3. Import advisories: {stored.rows} row(s), {stored.snapshot.digest}")

    def _evaluate(
        self, gate: Gate, policy: Policy, tag: str, layers: Sequence[images.Layer], environment: Path
    ) -> Account:
        ref = images.push(self._store, self._staging, tag, layers)
        stage.write_recording(self._folder / "defender.json", str(ref.digest), clock())
        self._say(f"-- push to staging and evaluate: oci:staging:{tag} with {environment.name}")
        declared = merge([read_definition(environment, self._folder, gate.config.definition)])
        pinned = gate.world.waiting(ref.model_copy(update={"digest": None}), policy)
        row = gate.intake.submit(Submission(ref=pinned, environment=declared, policy=policy), PIPELINE)
        gate.intake.wait(row.id)
        account = account_of(gate.engine, row.id)
        self._say(render(account))
        return account

    def _shelves(self, when: str) -> None:
        lines = [f"-- staging and release {when}:"]
        for name, folder in (("staging", self._staging), ("release", self._release)):
            place = ImageRef(transport=Transport.OCI_LAYOUT, repository=str(folder))
            tags = self._store.tags(place)
            held = [f"{tag} {self._store.resolve(place.model_copy(update={'tag': tag}))}" for tag in tags]
            lines += [f"   {name}: {line}" for line in held or ["(empty)"]]
        self._say("\n".join(lines))

    def _except(self, gate: Gate, discarded: Account, wheel: Path) -> None:
        self._say("4. An exception: the discard opened a draft for each thing that blocks; the package's is filed.")
        request = self._request_of(discarded)
        filing = Filing(request=request, reason="features of the churn model, reviewed in ticket ML-42")
        gate.desk.request(filing, SCIENTIST, now=clock())
        self._say(f"   {SCIENTIST.key} files {request}")
        terms = Terms(comment="source reviewed", ticket="ML-42")
        try:
            with wheel.open("rb") as stream:
                gate.desk.approve(request, [Upload(filename=wheel.name, stream=stream)], SCIENTIST, terms, now=clock())
        except GateError as error:
            self._say(f"   {SCIENTIST.key} tries to approve it and is refused: {error.error_code}")
        with wheel.open("rb") as stream:
            shown = gate.desk.approve(
                request, [Upload(filename=wheel.name, stream=stream)], STEWARD, terms, now=clock()
            )
        if shown.grant is not None:
            files = ", ".join(file.sha256 for file in shown.grant.files)
            self._say(f"   {STEWARD.key} approves {wheel.name}: {shown.grant.id} for the bytes {files}")

    def _request_of(self, discarded: Account) -> str:
        named = {reason.request for reason in discarded.reasons if reason.rule == "component-origin" and reason.request}
        return min(named)

    def _verify(self, gate: Gate) -> bool:
        with reading(gate.engine) as connection:
            ledger = LedgerReader(connection)
            result = verify(ledger.leaves(), ledger.head())
        self._say(f"5. The ledger: {explain(result)}")
        return isinstance(result, Verified)
