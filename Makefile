# `make run` and `make test` set everything up by themselves, into .venv.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The CDK works on Node.js 20 and warns at length that it is old.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-engines chaos races kills game-day dead-letters contract docs check lint format types asl templates lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.run ## install what `make run` needs into .venv

run: .venv/.run ## start a pipeline, run 100 sample orders through it, keep serving
	@$(BIN)/orders demo

test: .venv/.dev ## run the tests (engine and synthesis included, no Docker)
	@$(BIN)/pytest -n 3 --dist loadgroup

test-engines: .venv/.dev ## the same scenarios on every engine, the tables on AWS's DynamoDB Local (Docker, Java)
	@$(BIN)/python -m tests.engines $(ENGINES)

chaos: .venv/.dev ## every call fails in every way; 20,000 duplicated, shuffled and faulty deliveries; the last lines say how many
	@ORDERS_CHAOS=1 $(BIN)/pytest tests/faults tests/properties/test_deliveries.py -s

races: .venv/.dev ## cancel, refund and duplicate delivery, raced 500 times each on the deployed template
	@ORDERS_RACES=500 $(BIN)/pytest tests/e2e/test_races.py -s

game-day: .venv/.dev ## 200 dead letters under load, and an apply that is killed again and again
	@ORDERS_GAME_DAY=200 $(BIN)/pytest tests/e2e/test_game_day.py -s

dead-letters: .venv/.dev ## 10,000 dead letters of three causes, drained, planned and replayed: the figures
	@$(BIN)/python -m tests.bench
kills: .venv/.dev ## kill the local run under load and while it starts, 30 times, and start it again
	@ORDERS_KILLS=30 $(BIN)/pytest tests/cli/test_kills.py -s

contract: .venv/.dev ## schemathesis against the served OpenAPI document, for minutes
	@ORDERS_CONTRACT=300 $(BIN)/pytest tests/contract_http -s

docs: .venv/.dev ## write docs/order-life.md from the model of an order's life
	@$(BIN)/python -m tests.model

check: lint test ## the gate: format, lint, types, ASL, templates, tests

lint: format types asl templates ## all of the gate that is no test

format: .venv/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: .venv/.dev
	@$(BIN)/mypy

asl: .venv/.dev
	@$(BIN)/statelint statemachines/*.asl.json && echo "statelint: no errors"

templates: .venv/.dev ## cfn-lint over the synthesised templates of local and prod
	@$(BIN)/python -m stacks local .build/lint/local
	@$(BIN)/python -m stacks prod .build/lint/prod auth=iam
	@$(BIN)/cfn-lint .build/lint/local/*.template.json .build/lint/prod/*.template.json && echo "cfn-lint: no errors"

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile -q $(LOCK) requirements/build.in pyproject.toml -o requirements/run.lock
	uv pip compile -q $(LOCK) -c requirements/run.lock --extra dev requirements/build.in pyproject.toml -o requirements/dev.lock
	uv pip compile -q $(LOCK) -c requirements/run.lock --no-deps requirements/functions.in -o requirements/functions.lock

LOCK := --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

clean: ## remove what was built and installed
	rm -rf .venv .build cdk.out .orders .mypy_cache .ruff_cache .hypothesis

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@node --version >/dev/null 2>&1 || \
	  { echo "Node.js 20 or later is needed (the CDK runs on it), and there is no 'node' on the PATH"; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: .venv/.python requirements/run.lock pyproject.toml
	@echo "Installing into .venv (once)..."
	@$(BIN)/pip install -q --require-hashes -r requirements/run.lock
	@$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.run requirements/dev.lock
	@echo "Installing the tools of the tests into .venv (once)..."
	@$(BIN)/pip install -q --require-hashes -r requirements/dev.lock
	@touch $@
