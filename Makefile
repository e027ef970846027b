# make run starts the server on its embedded defaults; make test runs every test. Both install what they need into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
JOBS ?= 2
OPENSTACK_TESTS ?= tests/contract tests/openstack

REST_PORT ?= 8080
TAKE = import socket, sys; socket.create_server(("127.0.0.1", int(sys.argv[1]))); print(sys.argv[1])

.PHONY: help run install test lint bench crash clean openstack-up openstack-test openstack-down

help:
	@echo 'make run      start the server (NETCONF 127.0.0.1:2022, REST :8080) with a simulated cloud; data in var/'
	@echo 'make test     run every test (ARGS="..." goes to pytest, JOBS=N sets the processes)'
	@echo 'make lint     ruff, mypy, import contracts, YANG, shell'
	@echo 'make bench    measure; make crash runs every crash test; make install only installs'
	@echo 'make openstack-up, openstack-test, openstack-down: the tests that want a real OpenStack (docs/openstack.md)'
	@echo 'make clean    remove .venv and caches (var/ stays)'

# The simulated cloud goes with this server; `openesc serve` would leave it running.
run: $(VENV)/.runtime
	@rest=$$($(BIN)/python -c '$(TAKE)' $(REST_PORT) 2>/dev/null) || \
	    echo '127.0.0.1:$(REST_PORT) is taken: no REST; make run REST_PORT=8081 chooses another port' >&2; \
	OPENESC_REST__PORT=$${OPENESC_REST__PORT-$$rest} \
	OPENESC_CLOUDSIM__STOP_WITH_SERVER=$${OPENESC_CLOUDSIM__STOP_WITH_SERVER:-true} \
	    exec $(BIN)/openesc serve --data-dir var $(ARGS)

install: $(VENV)/.development

test: $(VENV)/.development
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

lint: $(VENV)/.development
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@# ESC's module names have no common prefix with a hyphen; every other warning is an error
	@found=$$($(BIN)/pyang --strict --lint -W error -W LINT_NO_MODULENAME_PREFIX -p yang yang/esc.yang yang/esc-manager.yang 2>&1) || \
	    { echo "$$found"; exit 1; }
	sh -n esc_nc_cli && sh -n escadm
	@if command -v shellcheck >/dev/null; then shellcheck esc_nc_cli escadm .ci/run; else echo 'shellcheck is not installed: skipped'; fi

bench: $(VENV)/.development
	$(BIN)/python -m benchmarks $(ARGS)

crash: $(VENV)/.development
	CRASH_TESTS=all $(BIN)/python -m pytest tests/crash $(ARGS)

# The real services on this machine; what the cloud holds stays between down and up.
openstack-up: $(VENV)/.development
	nice -n 5 $(BIN)/python -m tests.openstack.lab up

openstack-test: $(VENV)/.development
	TEST_CLOUD=openstack $(BIN)/python -m pytest $(OPENSTACK_TESTS) $(ARGS)

openstack-down: $(VENV)/.development
	$(BIN)/python -m tests.openstack.lab down

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# Stamps: an installation is repeated when what it is made from changes.
$(VENV)/.runtime: pyproject.toml | $(VENV)/.made
	$(PIP) install --editable .
	@touch $@

$(VENV)/.development: pyproject.toml | $(VENV)/.made
	$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/.runtime

# Debian packs venv apart from Python: install it where we may, say what to do where we may not.
$(VENV)/.made:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo 'openesc needs Python 3.11 or later (apt-get install python3), or PYTHON=/path/to/it' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } || \
	    { echo 'Python lacks venv: run  sudo apt-get install python3-venv  and try again' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@
