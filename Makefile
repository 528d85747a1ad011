# Every target sets up what it needs, in .venv, from package registries.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SOURCES := pyproject.toml setup.py MANIFEST.in $(wildcard csrc/*.c csrc/*.h csrc/*.py)

.PHONY: demo test lint bench fuzz sanitize peers wheel clean

demo: $(VENV)/.installed  ## Replay the example incident: who would have been paged, when and why
	@$(BIN)/obsflow backtest examples/checkout-incident

test: $(VENV)/.test peers  ## Everything that gates
	@$(BIN)/python -m pytest -q -n 2 --ignore=tests/conformance --ignore=tests/adapters
	@$(BIN)/python -m pytest -q tests/conformance tests/adapters  # beside real servers, which want the machine to themselves
	@$(MAKE) --no-print-directory sanitize

lint: $(VENV)/.lint  ## Formatting, style, types, floors, the compiler's warnings
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory -C csrc warnings

bench: $(VENV)/.test  ## Speed, beside the floors of this machine
	@$(BIN)/python -m benchmarks

sanitize: $(VENV)/.test  ## The kernel tests once under ASan and UBSan
	@$(MAKE) --no-print-directory -C csrc sanitize PYTHON=$(abspath $(BIN)/python)

FUZZ_SECONDS ?= 20
fuzz:  ## Each fuzz target for FUZZ_SECONDS
	@$(MAKE) --no-print-directory -C csrc fuzz FUZZ_SECONDS=$(FUZZ_SECONDS)

peers:  ## The servers that tests compare with, or why those tests skip: installed in CI, built where Go is installed
	@sh tests/install-peers
	@sh tests/fetch-sources
	@sh tools/build-alertmanager

wheel: $(VENV)/.installed  ## sdist, and a wheel built from it
	@$(BIN)/pip install -q build
	@$(BIN)/python -m build -q

clean:
	rm -rf $(VENV) build dist .sanitize .fuzz src/*.egg-info src/obsflow/*.so

$(VENV)/.created:
	@sh tools/make-venv $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created $(SOURCES)
	@$(BIN)/pip install -q -e .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	@$(BIN)/pip install -q --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.installed
	@$(BIN)/pip install -q --group lint
	@touch $@
