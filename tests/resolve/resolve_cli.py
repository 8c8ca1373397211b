"""`gate check --resolve` as people call it, against an index and a channel of the test's own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, fromstring

import yaml
from index.wheel_maker import WheelRecipe

from gate.cli import main
from gate.policy.source import embedded

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from index.index_server import IndexServer

STYLES = {"json": "report.json", "markdown": "report.md", "sarif": "report.sarif", "junit": "report.xml"}


def days_ago(days: float) -> str:
    """Return an upload time as an index writes it: so many days before now, for the command has a clock."""
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def publish(
    index: IndexServer, name: str, version: str = "1.0", *, age: float | None = 300, metadata: str = "", **fields: Any
) -> WheelRecipe:
    """Put a wheel on an index, uploaded so many days ago (None: it does not say); more fields go into its entry."""
    module = name.replace("-", "_")
    files = {f"{module}/__init__.py": b"VALUE = 1\n"}
    recipe = WheelRecipe(name=module, version=version, metadata=metadata, files=files)
    index.publish(name, recipe.filename, recipe.build_bytes())
    index.behaviour.sizes = age is not None
    index.behaviour.file_fields[recipe.filename] = fields | ({} if age is None else {"upload-time": days_ago(age)})
    return recipe


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one call came to, with its report in every form."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        """The report as an object."""
        found: dict[str, Any] = json.loads((self.folder / STYLES["json"]).read_text())
        return found

    @property
    def sets(self) -> list[dict[str, Any]]:
        """Its closed sets."""
        return list(self.report["closed_sets"])

    @property
    def only(self) -> dict[str, Any]:
        """Its one closed set."""
        (one,) = self.sets
        return one

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """Rule and code of every result that is neither a pass nor a warning."""
        results = [one for closed in self.sets for one in closed["results"]]
        return [(one["rule"], one["code"]) for one in results if one["status"] in {"fail", "unknown"}]

    @property
    def pins(self) -> list[str]:
        """What was resolved, over all sets."""
        return [f"{one['name']}=={one['version']}" for closed in self.sets for one in closed["packages"]]

    @property
    def sarif(self) -> dict[str, Any]:
        """The one run of the SARIF log."""
        (run,) = json.loads((self.folder / STYLES["sarif"]).read_text())["runs"]
        return dict(run)

    @property
    def junit(self) -> Element:
        """The JUnit document."""
        return fromstring((self.folder / STYLES["junit"]).read_text())  # noqa: S314 - made by the command itself

    @property
    def markdown(self) -> str:
        """The markdown."""
        return (self.folder / STYLES["markdown"]).read_text()

    @property
    def green(self) -> set[str]:
        """The forms that look as if all were well."""
        run, suite = self.sarif, self.junit
        looks = {
            "text": self.out.startswith("safelisted"),
            "json": self.report["verdict"] == "safelisted",
            "markdown": self.markdown.startswith("### gate check: safelisted"),
            "sarif": run["invocations"][0]["exitCode"] == 0
            or not any(one["level"] == "error" for one in run["results"]),
            "junit": suite.get("failures") == "0" and suite.get("errors") == "0",
        }
        return {name for name, green in looks.items() if green}


@dataclass(kw_only=True)
class Caller:
    """Calls the command in a project's folder, with a policy and a home of its own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    policy: Path
    words: list[str] = field(default_factory=list)

    def write(self, text: str, name: str = "requirements.txt") -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def rule(self, file: str, **changes: Any) -> None:
        """Change keys of one of the policy's files."""
        path = self.policy / "allowlist" / f"{file}.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))

    def check(self, *words: str) -> Said:
        """Check with `--resolve`, and write every form of the report beside the project."""
        outputs = [part for name in STYLES.values() for part in ("--output", str(self.policy.parent / name))]
        self.capture.readouterr()
        code = main(["check", *(words or ("requirements.txt",)), "--resolve", *outputs])
        out, err = self.capture.readouterr()
        return Said(code=code, out=out, err=err, folder=self.policy.parent)


def copy_of_defaults(folder: Path) -> Path:
    """Return a policy folder with what the package embeds, to be changed."""
    for part in ("allowlist", "exceptions"):
        for path in sorted((embedded() / part).rglob("*")):
            if path.is_file():
                target = folder / path.relative_to(embedded())
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    return folder
