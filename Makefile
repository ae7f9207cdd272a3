# `make run` starts a server to play with, `make test` is what CI runs. Both set up .venv first, do
# nothing twice, and need no more than this folder, a Python and the package index.
#
#   make run      install, then start the demonstration server (ARGS=... adds options)
#   make test     linters, types, all tests, coverage
#   make venv     the set-up alone; afterwards .venv/bin/twistd -n sipapp works from any folder
#   make check    linters, types and the layering rules: the quick half of `make test`
#   make interop  calls with other people's SIP programs (installs them if run as root)
#   make soak     ten minutes of calls, memory watched (ARGS=--soak-seconds=60: one minute)
#   make bench    micro-benchmarks        make slides   which test proves which slide of the talk
#   make docs     HTML in build/docs      make clean    remove all that the others made

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

MINOR := $(shell "$(PYTHON)" -c 'import sys; print(sys.version_info[1])' 2>/dev/null)
PINS := $(sort $(wildcard requirements/constraints-3.*.txt))
# The pins made with this Python, else those of the newest we know.
PINNED := $(or $(wildcard requirements/constraints-3.$(MINOR).txt),$(lastword $(PINS)))
METADATA := setup.cfg pyproject.toml plugins/setup.cfg plugins/pyproject.toml $(PINS)

# The console scripts of a virtual environment name its path, so .venv is made anew after the folder
# was moved, or when another Python is asked for. Exported: the shell must not read what is in a path.
export PLACE := $(CURDIR) 3.$(MINOR)
ifneq ($(shell cat .venv/.place 2>/dev/null),$(PLACE))
.PHONY: .venv/.place
endif

.PHONY: help venv run test check lint interop soak bench slides docs clean
.DELETE_ON_ERROR:

help:
	@awk '/^$$/ { exit } { sub(/^# ?/, ""); print }' Makefile

venv: .venv/.installed

run: .venv/.installed
	$(BIN)/twistd -n sipapp --demo $(ARGS)

test: lint
	$(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=92

check: lint
	$(BIN)/python -m pytest --quiet tests/test_layering.py tests/test_import_purity.py tests/test_style.py

lint: .venv/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

DEBIAN := $(shell cat requirements/debian-interop.txt)
interop: .venv/.tested
	@missing=; for package in $(DEBIAN); do \
	    dpkg-query --show "$$package" >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" -ne 0 ]; then echo "interop: please install:$$missing" >&2; exit 1; fi; \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing
	$(BIN)/python -m pytest -m interop tests/interop

soak: .venv/.tested
	$(BIN)/python -m pytest -m interop tests/interop/soak.py $(ARGS)

bench: .venv/.installed
	$(BIN)/python -m benchmarks.wire

slides: .venv/.installed
	$(BIN)/python -m tests.slides

docs: .venv/.documented
	$(BIN)/sphinx-build -q -W -b html docs build/docs

clean:
	rm -rf .venv build dist *.egg-info plugins/build plugins/dist plugins/*.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* twisted/plugins/dropin.cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.place:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "sipapp needs Python 3.11 or newer: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	"$(PYTHON)" -m venv $(if $(wildcard .venv/.place),--clear) .venv
	@printf '%s\n' "$$PLACE" > .venv/.place

# Editable, so that what runs is this checkout: an edit needs no second installation. Each stamp is
# older than the metadata when a dependency, entry point or pin has changed.
.venv/.installed: .venv/.place $(METADATA)
	$(PIP) -c $(PINNED) -e . -e ./plugins
	@touch $@

.venv/.tested: .venv/.place $(METADATA)
	$(PIP) -c $(PINNED) -e '.[test]' -e ./plugins
	@touch .venv/.installed $@

.venv/.documented: .venv/.installed
	$(PIP) -c $(PINNED) -e '.[docs]'
	@touch $@
