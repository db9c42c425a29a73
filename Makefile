# Everything runs in .venv, which `make setup` builds once from pyproject.toml. Needs Python 3.11+ and make.
PYTHON ?= python3
# Processes that run tests.
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-fast lint types imports format conformance fidelity bench soak mutants cassette warm clean help

help:
	@echo "make demo         start the simulator and drive it with Google's own client"
	@echo "make test         every test"
	@echo "make lint         ruff, mypy, import rules"
	@echo "make conformance  the recorded cases, against the counts in tests/conformance/ratchet.json"
	@echo "make fidelity     what is exact, approximated and absent, from the marks of the tests"
	@echo "make bench        speed as ratios, written to bench-results/"
	@echo "make soak         long hostile and crash runs"
	@echo "make cassette     records fixtures/shop.cassette anew"
	@echo "make mutants      clients with one fault each: the tests notice all of them"

setup: $(STAMP)

$(STAMP): pyproject.toml client/pyproject.toml client/build_hook.py $(wildcard protos/*.py protos/bqsim/storage/v1/*.proto)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "bqsim needs Python 3.11 or newer; this is $$($(BIN)/python --version). Try: make PYTHON=python3.12 setup"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --editable client
	@touch $(STAMP)

warm: setup
	@$(BIN)/bqsim warm

demo: warm
	@$(BIN)/python -m bqsim.commands.demo

test: warm
	$(BIN)/python -m pytest tests -n $(WORKERS)

test-fast: warm
	$(BIN)/python -m pytest tests/unit

lint: setup
	$(BIN)/ruff check bqsim client tests protos
	$(BIN)/ruff format --check bqsim client tests protos
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix bqsim client tests protos
	$(BIN)/ruff format bqsim client tests protos

conformance: warm
	$(BIN)/python -m tests.conformance.check $(CASES)

fidelity: setup
	$(BIN)/python -m tests.fidelity.collect

cassette: warm
	$(BIN)/python -m tests.contract.shop

bench: warm
	$(BIN)/python -m tests.bench.run $(BENCH)

soak: warm
	BQSIM_KILLS=50 BQSIM_HOSTILE=5000 BQSIM_APPENDS=10000 BQSIM_RACE_S=30 BQSIM_RUNS=100 $(BIN)/python -m pytest tests/chaos tests/property
	$(BIN)/python -m tests.soak.uploads

mutants: warm
	WORKERS=$(WORKERS) $(BIN)/python -m tests.client.mutants $(MUTANTS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench-results
