"""The layers hold: lower never imports higher, and what must stay light loads nothing heavy."""

from __future__ import annotations

import ast
import importlib.resources
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(str(importlib.resources.files("gate")))

LAYERS = [
    {"errors", "bounds"},
    {"model"},
    {"policy", "config", "config_values", "cloud", "cloud_ml", "cloud_vault", "signin"},
    {"http"},
    {"registry", "index", "data"},
    {"environment", "callers"},
    {"image", "resolve", "ways_out"},
    {"origin"},
    {"findings"},
    {"exceptions"},
    {"promotion", "sbom"},
    {"azureml"},
    {"store"},
    {"ledger"},
    {"submission"},
    {
        "durable",
        "bills",
        "dry_runs",
        "leases",
        "desk",
        "retirement",
        "ledgered_data",
        "ledgered_run",
        "scans",
        "unfinished",
        "holds",
        "graveyard",
    },
    {"evaluation"},
    {"intake", "world", "guarded", "notify", "account"},
    {"revisit", "due", "waking"},
    {
        "wiring_azure",
        "wiring_resolving",
        "wiring_callers",
        "wiring_stores",
        "wiring_users",
        "wiring_discards",
        "wiring_signing",
    },
    {"wiring"},
    {"reports", "doctor"},
    {"demo"},
    {"service"},
    {"cli"},
]
"""From low to high; a module may import its own layer and lower ones. `docs/architecture.md` says why."""

PURE = {"model", "policy", "ways_out"}
IMPURE_MODULES = {"requests", "socket", "subprocess", "sqlalchemy", "dbos", "urllib.request", "http.client", "docker"}
HEAVY = [
    "alembic",
    "apprise",
    "azure",
    "dbos",
    "docker",
    "fastapi",
    "isal",
    "jwt",
    "pip_audit",
    "pypi_simple",
    "requests",
    "sqlalchemy",
    "uvicorn",
    "zstandard",
]


def level_of(module: str) -> int | None:
    top = module.split(".")[1] if module.count(".") else "cli"
    return next((level for level, layer in enumerate(LAYERS) if top in layer), None)


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found.append((".".join(part for part in parts if part != "__init__"), path))
    return found


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


@pytest.mark.parametrize(("module", "path"), [pair for pair in modules() if pair[0] not in {"gate", "gate.__main__"}])
def test_no_module_imports_a_higher_layer(module: str, path: Path) -> None:
    level = level_of(module)
    assert level is not None, f"{module} has no layer: place it in LAYERS"
    for name in imports(path):
        if name.startswith("gate."):
            other = level_of(name)
            assert other is not None, f"{name} has no layer"
            assert other <= level, f"{module} imports {name}, which lies above it"


@pytest.mark.parametrize(
    ("module", "path"), [pair for pair in modules() if pair[0].split(".")[1:2] and pair[0].split(".")[1] in PURE]
)
def test_values_and_policy_know_nothing_of_the_outside(module: str, path: Path) -> None:
    assert not imports(path) & IMPURE_MODULES, module


def test_the_verifier_imports_neither_writer_nor_service_nor_database() -> None:
    code = "import sys, gate.ledger.verify; print([m for m in sys.modules if m in %r])" % [
        "gate.ledger.writer",
        "gate.service",
        "sqlalchemy",
    ]
    assert run(code) == "[]"


@pytest.mark.parametrize("module", ["gate.cli", "gate.cli.check"])
def test_the_command_line_and_check_load_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{m.split('.')[0] for m in sys.modules}} & set({HEAVY!r})))"
    assert run(code) == "[]"


def test_every_rule_lies_in_a_file_of_its_own_and_in_the_list() -> None:
    from gate.policy.rules import ALL  # noqa: PLC0415 - what the list holds is the question

    files = {path.stem for path in (PACKAGE / "policy" / "rules").glob("*.py")} - {"__init__"}
    assert {type(rule).__module__.rsplit(".", 1)[1] for rule in ALL} == files
    assert len({rule.id for rule in ALL}) == len(ALL)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
