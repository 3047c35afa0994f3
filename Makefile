# `make demo` shows Vigie, `make test` proves it, `make help` lists the rest.
# Nothing is needed but Python 3.11 or newer: everything else comes with the lock files.

PYTHON := .venv/bin/python
# Newest first; `make env BASE=python3.12` chooses one. Newer ones lack wheels of the database yet.
BASE := python3.14 python3.13 python3.12 python3.11 python3
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes

.PHONY: help env env-dev run demo test check bench accuracy lock

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16

env: .venv/runtime ## only the environment, in .venv

run: env ## start the database, broker, web, worker and beat together
	@exec $(PYTHON) -m config.processes

demo: env ## the same, with images to look at
	@exec $(PYTHON) -m config.demo

test: env-dev ## all tests
	@$(PYTHON) -m pytest $(TESTS)

check: env-dev ## format, lint, types, import contracts, migrations, locks
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run  # no database
	@$(PYTHON) -m pytest --quiet tests/config/test_locks.py

bench: env-dev ## measure; see tests/benchmarks/README.md
	@$(PYTHON) -m pytest -m bench tests/benchmarks

accuracy: env-dev ## measure against labelled images and versions; writes docs/accuracy.md
	@$(PYTHON) -m tests.accuracy.document "$${VIGIE_SHARED_DATA:-../shared}"

env-dev: .venv/dev

lock: env-dev ## choose versions anew where pyproject.toml asks for it (UPGRADE=--upgrade: everywhere)
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

LOCK := $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header $(UPGRADE)

# The stamps are newer than the locks they were installed from.
.venv/runtime: requirements.lock .venv/pyvenv.cfg
	@echo "Installing Vigie's environment in .venv (a minute or two, once)"
	@$(INSTALL) -r requirements.lock
	@touch $@

.venv/dev: requirements-dev.lock .venv/pyvenv.cfg
	@echo "Installing Vigie's development environment in .venv (a minute or two, once)"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@ .venv/runtime

.venv/pyvenv.cfg:
	@for name in $(BASE); do \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    found=$$name; \
	    $$name -c 'import venv, ensurepip' 2>/dev/null && exec $$name -m venv --clear .venv; \
	  fi; \
	done; \
	if [ "$$found" ]; then \
	  echo "$$found cannot make environments: install its venv module" \
	    "(on Debian and Ubuntu: apt install python3-venv), then run make again."; \
	else \
	  echo "Vigie needs Python 3.11 or newer, and $$(python3 --version 2>&1 || echo no Python)" \
	    "is all there is: install a newer one, then run make again."; \
	fi >&2; \
	exit 1
