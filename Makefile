# Every command of the project. Needs Python 3.11 or newer and make; the rest is fetched. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
SETUP := $(PYTHON) -m manager.setup
PROTOS := $(wildcard protos/*.proto)
ARGS ?=
ALONE := $(addprefix tests/acceptance/test_,barge_in.py browser_speech.py browser_barge_in.py browser_desk.py calls.py)
TIMED := $(ALONE) $(addprefix tests/acceptance/test_,realtime_speech.py steering.py)

# Programs are started hundreds of times here: without compiled modules each start reads and compiles thousands of files anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev page coqui up doctor test nightly chaos check check-python check-page check-protos check-locks protos bench clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install everything into .venv and build the page; does nothing when nothing changed
	@$(SETUP)

setup-dev:
	@$(SETUP) --dev env

page: ## Build the page, if its sources changed
	@$(SETUP) page

coqui: ## Install the Coqui voices (XTTS, VITS) into an environment of their own: 2 GB, with a GPU 6
	@$(SETUP) coqui

up: setup ## Run it: page, voices, transcript (ARGS="--port 9000" passes options)
	@exec $(BIN)/souffleur up $(ARGS)

doctor: setup ## Say what is here and what is missing
	@$(BIN)/souffleur doctor $(ARGS)

test: setup-dev page ## Every test but the nightly ones; the conversations by voice that hear and answer in real time come last, with the least beside them
	$(BIN)/python -m pytest -m "not nightly" -n 4 --dist loadgroup tests/contract tests/integration tests/unit $(ARGS)
	$(BIN)/python -m pytest -m "not nightly" -n 3 --dist loadfile tests/acceptance $(addprefix --ignore=,$(ALONE)) $(ARGS)
	$(BIN)/python -m pytest -m "not nightly" -n 3 --dist loadgroup tests/chaos $(ARGS)
	$(BIN)/python -m pytest -m "not nightly" -n 2 --dist loadfile $(ALONE) $(ARGS)

nightly: setup-dev coqui page ## The long tests, and the promised durations on this machine: leave it alone meanwhile
	$(BIN)/python -m pytest -m nightly $(addprefix --ignore=,$(TIMED)) $(ARGS)
	SOUFFLEUR_TEST_TIMINGS=1 $(BIN)/python -m pytest $(TIMED)

chaos: setup-dev ## Every fault under twenty seeds: what is lost, doubled or left open (ARGS="--shard 1/4" for a part)
	$(BIN)/python -m tests.chaos --write $(ARGS)

check: check-python check-protos check-locks check-page ## Lint, format, types, import rules, wire contract, lock files, page

check-python: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-protos: setup-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" .ci/stubs-are-fresh
	$(SETUP) buf lint

check-locks:
	$(PYTHON) .ci/locks-are-public uv.lock $(wildcard admin_ui/package-lock.json)

check-page: setup-dev
	$(SETUP) npm run typecheck
	$(SETUP) npm run lint
	$(SETUP) npm run test

protos: setup-dev ## Make the gRPC stubs beside their sources again
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. --python_out=. --grpc_python_out=. --mypy_out=. --mypy_grpc_out=. $(PROTOS)

bench: setup-dev ## Measure what the framework adds to a turn (ARGS passes options)
	$(BIN)/python -m bench $(ARGS)

clean: ## Remove what the set-up made; data stays
	rm -rf .venv .tools admin_ui/node_modules services/gateway/static .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
