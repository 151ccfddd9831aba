# The whole product from a machine that has only python3 (3.11 or 3.12) and its package index.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DATA   ?=
CUSTOMERS ?= 10000
SEED   ?= 7

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench prove lock

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*## "} {printf "make %-8s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with the locked, hashed dependencies

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v in ((3, 11), (3, 12)) else "python3 is %d.%d; Python 3.11 or 3.12 is needed. Set PYTHON=python3.11, for example: make setup PYTHON=python3.11" % v)'
	@echo "Setting up $(VENV) (about 300 packages, 2.5 GB; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(READY)

run: $(READY) ## the main job end to end, then serve (DATA=folder for real tables, CUSTOMERS=10000)
	@$(BIN)/bank run $(if $(DATA),--data $(DATA),--customers $(CUSTOMERS) --seed $(SEED))

check: $(READY) ## static checks: format, lint, types, directions of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: check ## every check and every test, two files at a time
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 2 --dist loadfile

bench: $(READY) ## measure against baselines: the service, batches, decisions and startup (on what `make run` left), rules, features, online rows, push, events, models, releases
	@$(BIN)/bank bench serving --json
	@$(BIN)/bank bench batch --json
	@$(BIN)/bank bench decision --json
	@$(BIN)/bank bench startup --json
	@$(BIN)/bank bench rules --json
	@$(BIN)/bank bench features --json
	@$(BIN)/bank bench online --json
	@$(BIN)/bank bench push --json
	@$(BIN)/bank bench events --json
	@$(BIN)/bank bench models --json
	@$(BIN)/bank bench release --json

prove: prove-replay prove-alone prove-point_in_time prove-release prove-promotion prove-switch prove-audit prove-rules prove-api prove-authorisation prove-kills prove-down prove-overload prove-growth prove-bento prove-events prove-batch prove-spark ## the heavy proofs, on what `make run` left (each one line)
# prove-mutants (an hour) makes every small mistake in the rules and counts those that are noticed.
# prove-oracle holds the models of 100,000 generated customers (make run CUSTOMERS=100000) to what only their maker knows.

prove-%: $(READY)
	@$(BIN)/python -m tests.proofs.$*

lock: $(READY) ## compile requirements.lock again after a change of pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --all-extras pyproject.toml -o requirements.lock
