# Every target alone, as often as one likes, on a fresh clone: Python 3.11, pip and make suffice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all smoke test-external check docs release soak bench clean

# What to install is said in setup.cfg, and for work on the package in pyproject.toml.
SETUP := setup.cfg pyproject.toml
PIP = -m pip install --quiet --disable-pip-version-check

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: $(SETUP) | $(VENV)/bin/python
	$(BIN)/python $(PIP) --editable '.[cli,speed]'
	touch $@

# Groups are known to pip from 25.1 on.
$(VENV)/installed: $(SETUP) | $(VENV)/bin/python
	$(BIN)/python $(PIP) --upgrade 'pip>=25.1'
	$(BIN)/python $(PIP) --editable '.[cli,speed]' --group dev
	touch $@ $(VENV)/demo

demo: $(VENV)/demo
	$(BIN)/ltx-async demo

# With bytecode kept, what many processes import is compiled once.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/installed
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal --cov --cov-report=term $(ARGS)

$(VENV)/nox: $(SETUP) | $(VENV)/installed
	$(BIN)/python $(PIP) --group nox
	touch $@

# Each Python that is found has an environment of its own in .nox; those that are not are skipped.
NOX = $(BIN)/nox --no-error-on-missing-interpreters --reuse-existing-virtualenvs

test-all: $(VENV)/nox
	$(NOX) --session tests -- $(ARGS)

smoke: $(VENV)/nox
	$(NOX) --session smoke -- $(ARGS)

# One for each PYTHON, so that a test of another version leaves the first one alone.
EXTERNAL := .venv-external/$(notdir $(PYTHON))

$(EXTERNAL)/ready: $(SETUP)
	$(PYTHON) -m venv $(EXTERNAL)
	$(EXTERNAL)/bin/python $(PIP) --upgrade 'pip>=25.1'
	$(EXTERNAL)/bin/python $(PIP) --editable '.[cli,speed]' --group test --group frameworks
	touch $@

test-external: $(EXTERNAL)/ready
	$(EXTERNAL)/bin/python -m pytest tests/external $(ARGS)

# basedpyright is pyright with its node in a wheel. What it verifies it looks for where the
# Python of PATH does, and an editable install is not there for it.
VERIFY_TYPES = PATH=$(CURDIR)/$(BIN):$$PATH PYTHONPATH=$(CURDIR) \
	basedpyright --verifytypes ltx_async --ignoreexternal

check: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/basedpyright
	@echo basedpyright --verifytypes; found=$$($(VERIFY_TYPES)) || { echo "$$found"; exit 1; }
	$(BIN)/lint-imports

$(VENV)/documented: $(SETUP) | $(VENV)/installed
	$(BIN)/python $(PIP) --group docs
	touch $@

docs: $(VENV)/documented
	$(BIN)/python docs/options.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -c docs . build/site
	@echo the site is in build/site/index.html

$(VENV)/release: $(SETUP) | $(VENV)/installed
	$(BIN)/python $(PIP) --group release
	touch $@

release: $(VENV)/release
	$(BIN)/python .ci/release.py

# A virtual environment of its own: the rivals' packages would change what the tests run on.
.venv-bench/ready: $(SETUP)
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(PIP) --upgrade 'pip>=25.1'
	URLLIB3_NO_OVERRIDE=1 .venv-bench/bin/python $(PIP) --no-binary urllib3-future \
		--editable '.[cli,speed]' --group bench
	touch $@

bench: .venv-bench/ready
	.venv-bench/bin/python benchmarks/run.py $(ARGS)

soak: $(VENV)/installed
	$(BIN)/python -m pytest -m soak -p no:randomly $(ARGS)

clean:
	rm -rf $(VENV) .nox .venv-bench .venv-external build dist *.egg-info mutants .coverage .coverage.* .benchmarks \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
