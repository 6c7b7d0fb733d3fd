# What to do with a checkout. Needs make and Python >= 3.11; `make` alone explains.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-requirements.lock
ARGS ?=
# Tests wait more than they compute: for brokers, databases and processes to start and stop.
JOBS ?= 3
RUNS ?= 1
CASE ?=
UV ?= $(shell command -v uv 2>/dev/null)
# The first Python on the path that is new enough; evaluated only when an environment has to be made.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
	&& echo $$p && break; done)

# Another active environment, or a wish to install for the user, must not leak into ours.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup demo demo-cloud test unit faults check coverage mutants bench build lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  Options are handed on in ARGS: make demo ARGS="--seconds 20", make test ARGS="-k kafka -x"'

setup: $(STAMP) ## make .venv with the locked versions and this package in it

# The stamp is newer than what it was made from. An environment that still works is kept; one whose Python
# was removed is made anew.
ifeq ($(wildcard $(BIN)/python),)
.PHONY: $(STAMP)
endif
$(STAMP): requirements.lock pyproject.toml
	@if $(BIN)/python -c '' 2>/dev/null; then \
	  :; \
	elif [ -n "$(UV)" ]; then \
	  "$(UV)" venv --quiet --clear --python '>=3.11,<3.15' $(VENV); \
	elif [ -z "$(PYTHON)" ]; then \
	  echo 'make: no Python from 3.11 to 3.14 on the path; install one, or name it: make setup PYTHON=/path/to/python3' >&2; exit 1; \
	elif ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo 'make: this Python cannot make environments; on Debian: apt-get install python3-venv' >&2; exit 1; \
	else \
	  "$(PYTHON)" -m venv --clear $(VENV); \
	fi
	@if [ -n "$(UV)" ]; then \
	  "$(UV)" pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock && \
	  "$(UV)" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
	  $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --default-pip >/dev/null; \
	  $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

demo: $(STAMP) ## see all of it work on this machine; Ctrl+C ends it
	@$(BIN)/apistatus demo local $(ARGS)

demo-cloud: $(STAMP) ## the same against the Kafka and PostgreSQL named by the environment, certificates in certs/
	@$(BIN)/apistatus demo cloud $(ARGS)

test: $(STAMP) ## the whole test suite; the last line says what could not run
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

unit: $(STAMP) ## only the tests that need no service
	@$(BIN)/python -m pytest tests/unit $(ARGS)

faults: $(STAMP) ## break every service on purpose and count: RUNS=5 CASE=1,2; adds to .faults/report.jsonl (ARGS=--table prints it)
	@$(BIN)/python -m tests.faults --runs $(RUNS) $(if $(CASE),--case $(CASE)) $(ARGS)

check: $(STAMP) ## format, lint, types, direction of imports
	@$(BIN)/ruff format --check --quiet apistatus tests || { echo 'make: not formatted: $(BIN)/ruff format apistatus tests' >&2; exit 1; }
	@$(BIN)/ruff check apistatus tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --cache-dir .import_linter_cache

coverage: $(STAMP) ## tests with branch coverage: >= 90 % in all, 100 % of model and settings; htmlcov/index.html
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet
	@$(BIN)/coverage report --include='apistatus/model/*,apistatus/settings/*' --fail-under=100
	@$(BIN)/coverage report --fail-under=90

mutants: $(STAMP) ## change what decides a verdict and count the changes that unit tests notice: 20 minutes; tests/mutation/README.md
	@nice -n 19 $(BIN)/python -m tests.mutation $(ARGS)

bench: $(STAMP) ## our own cost against floors measured in the same run; ARGS="--output json" for machines
	@$(BIN)/python -m tests.bench $(ARGS)

build: $(STAMP) ## wheel and source distribution in dist/
	@$(BIN)/python -m build --no-isolation

lock: ## renew requirements.lock from pyproject.toml, with hashes, for every platform; ARGS="--upgrade" for newer versions
	@UV="$(UV)"; if [ -z "$$UV" ]; then \
	  "$(PYTHON)" -m venv .lock-venv && .lock-venv/bin/python -m pip install --quiet uv && UV=.lock-venv/bin/uv; fi; \
	$$UV pip compile --quiet --universal --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 --extra aws --extra demo --group dev --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml $(ARGS); \
	code=$$?; rm -rf .lock-venv; exit $$code

clean: ## remove what builds and tests left behind; .venv and certs/ stay
	@rm -rf build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	@find apistatus tests -type d -name __pycache__ -prune -exec rm -rf {} +
