# The two commands that matter: `make demo` and `make test`. Each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 3
READY := $(VENV)/ready

.PHONY: demo test lint types unit servers bench fuzz ruleset docs wheel lock clean

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "gate needs Python >= 3.11; set PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

demo: $(READY)
	$(BIN)/gate demo

servers: $(READY)
	$(BIN)/python tests/servers/install.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

unit: $(READY) servers
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses $(JOBS) --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test: lint types unit

bench: $(READY) servers
	@for bench in tests/bench/bench_*.py; do $(BIN)/python $$bench || exit 1; done

FUZZ_CASES ?= 100000
FUZZ_SEED ?= 1

fuzz: $(READY)
	PYTHONPATH=tests $(BIN)/python -m fuzz_world --cases $(FUZZ_CASES) --seed $(FUZZ_SEED)

ruleset: $(READY)
	$(BIN)/python tests/policy/test_policy_ruleset.py

docs: $(READY)
	$(BIN)/python tests/docs/made.py
	$(BIN)/python tests/store/test_store_first.py

wheel: $(READY)
	$(BIN)/python -m hatchling build -t wheel

lock:
	uv --no-config pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file constraints.txt

clean:
	rm -rf $(VENV) build dist demo
