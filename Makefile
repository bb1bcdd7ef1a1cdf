# One command runs it (make run), one tests it (make test). Everything lives in .venv and .paylink.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help setup build-cpp run demo reconcile migrate seed check test test-fast storm chaos bench lock clean
.DEFAULT_GOAL := help

# Unless pytest may keep what it has rewritten, each of its workers rewrites thousands of asserts.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(INSTALLED) build-cpp ## Install the locked libraries into .venv and build the verifier

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'PayLink needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@echo 'installing the locked libraries into .venv (once) ...'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --config-settings editable_mode=compat -e .
	@touch $@

build-cpp: $(INSTALLED) ## Build the C++ verifier (without a compiler, Python answers instead)
	@$(BIN)/python -m native.build --optional

run: setup ## Start everything on this machine and print how to use it; Ctrl-C stops it
	@$(BIN)/paylink up

demo: setup ## Post scripted checkouts to the running system and watch them
	@$(BIN)/paylink demo

reconcile: setup ## Compare our books with the providers' own lists
	@$(BIN)/paylink reconcile

migrate: setup ## Bring the database of DATABASE_URL to the newest version
	@$(BIN)/paylink migrate

seed: setup ## Write the demo merchant and the sandbox gateways into DATABASE_URL
	@$(BIN)/paylink seed

check: setup ## Format, lint, types, import contracts and the fast tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -4
	@$(BIN)/pytest -m 'not (services or e2e or crash or model)' -n 2 --dist loadfile --no-loadscope-reorder

test: setup ## Everything: unit, contract, services, the real programs; with coverage
	@$(BIN)/python -m ops.dev.test

test-fast: setup ## Everything but the model, the crash matrix and the real programs
	@$(BIN)/pytest -m 'not (e2e or crash or model)' -n 3 --dist loadfile --no-loadscope-reorder

storm: setup ## Random histories of the flows: SEEDS=1000 of them, or SCHEDULE=file with one of yours
	@$(BIN)/python -m tests.model $(if $(SCHEDULE),--schedule $(SCHEDULE),--seeds $(or $(SEEDS),1000))

chaos: setup ## Ten thousand payments at all providers while everything fails, and the verdict
	@$(BIN)/python -m ops.harness.chaos

bench: setup ## Measure hot paths beside bare programs: ONLY=accept|payment|verify|growth|inflight|reads|webhooks, SHORT=1
	@$(BIN)/python -m ops.bench $(if $(ONLY),--only $(ONLY)) $(if $(SHORT),--short)

# Extras stay in the lock: older pips look for `coverage[toml]` beyond a pin of `coverage`.
lock: ## Resolve the libraries again (needs uv) and write requirements.lock
	@uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links \
	  --no-header --python-version 3.11 --extra embedded --extra dev pyproject.toml -o requirements.lock

clean: ## Remove the virtual environment and built files; the data in .paylink stays
	rm -rf .venv build ./*.egg-info native/*.so
