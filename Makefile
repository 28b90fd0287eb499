# RDV Collectifs: `make run` and `make test` are all a fresh Debian or Ubuntu needs (python3 >= 3.11 with venv, make).
PYTHON ?= python3
TEST_WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test test-volume bench lint format lock

help: ## Say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: $(VENV)/.runtime ## Start the site with demo data: PORT (5000), HOST, DATABASE_URL and REDIS_URL are honoured
	@exec $(BIN)/python -m dev.run

test: $(VENV)/.test ## Run the whole suite; STRICT=1 fails on what would be skipped, ARGS="-k name" narrows it
	@$(BIN)/python -m dev.chromium
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal -m "not volume" $(ARGS)

test-volume: $(VENV)/.test ## Run what is long: chaos, volume, many agents
	@$(BIN)/python -m dev.chromium
	$(BIN)/python -m pytest -m volume $(ARGS)

bench: $(VENV)/.test ## Measure the site on PostgreSQL and SQLite in 6 minutes at most; ARGS="booking search" picks (bench/README.md)
	@$(BIN)/python -m bench $(ARGS)

lint: $(VENV)/.dev ## Check style, import contracts and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(VENV)/.dev ## Put the code in the project's format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lock: $(VENV)/.venv ## Resolve the newest versions pyproject.toml allows into requirements.lock (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH: https://docs.astral.sh/uv/"; exit 1; }
	uv pip compile pyproject.toml --upgrade --universal --python-version 3.11 --all-extras \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock

# Each stamp says that its set of dependencies is installed as the lock file wants it.
$(VENV)/.venv:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.venv pyproject.toml requirements.lock dev/install.py
	@$(BIN)/python -m dev.install
	@touch $@

$(VENV)/.test: $(VENV)/.venv pyproject.toml requirements.lock dev/install.py
	@$(BIN)/python -m dev.install test
	@touch $@ $(VENV)/.runtime

$(VENV)/.dev: $(VENV)/.venv pyproject.toml requirements.lock dev/install.py
	@$(BIN)/python -m dev.install test dev
	@touch $@ $(VENV)/.test $(VENV)/.runtime
