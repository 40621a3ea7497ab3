# Two commands are enough: `make demo` and `make test`. Both build .venv from requirements.lock first.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# uv installs in seconds; plain pip does the same more slowly where uv cannot be had.
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed ($(PYTHON) not found); set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (the first time takes about a minute)"
	@if $(BIN)/python -m pip install --quiet uv 2>/dev/null && $(BIN)/uv --version >/dev/null; then \
	  VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock && \
	  VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable . ; \
	else \
	  echo "uv is not to be had; using pip" && \
	  $(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . ; \
	fi
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q -j 0 $(VENV)/lib risk features training serving >/dev/null 2>&1 || true
	@touch $@

install: $(READY)  ## build .venv and nothing else

demo: $(READY)  ## simulate, train, register, score a day, show the worklist
	@$(BIN)/risk demo

test: $(READY) browser  ## the whole test suite
	@$(BIN)/python -m pytest -n 2 tests

# The console is tested in Chromium. It is installed where that needs no question (root with apt-get); elsewhere the
# tests say loudly that they left the browser out.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "Installing Chromium for the tests of the console" && \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
	echo "Chromium is not to be had here: the console is NOT tested in a browser"

lint: $(READY)  ## ruff, mypy --strict, import floors
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(READY)  ## the benchmarks (see docs/benchmarks.md)
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-bench.lock
	@$(BIN)/python -m benchmarks

serve: $(READY)  ## API and console on this machine
	@$(BIN)/risk $(if $(wildcard demo/mlruns),--home demo) serve

screenshots: $(READY)  ## pictures of the console from the demo's data, into docs/
	@$(BIN)/python docs/make_screenshots.py demo

lock:  ## compile requirements.lock anew from pyproject.toml
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --no-header --extra dev pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --no-header --extra dev --extra bench pyproject.toml -o requirements-bench.lock

clean:  ## remove .venv, the demo and caches
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help install demo test browser lint bench serve screenshots lock clean
