# make app    installs once into .venv and serves the page
# make check  the fast checks, for every small change
# make test   everything that is checked before a change is merged
PORT ?= 7860
HOST ?= 127.0.0.1
VENV ?= .venv

BIN := $(VENV)/bin
# Stamps carry a hash of what they installed: a changed requirement installs again, a second
# `make app` does not, and neither depends on the times a checkout gives to files.
hash = $(shell cat $(1) | sha256sum | cut -c1-16)
APP_FILES := pyproject.toml requirements.txt requirements-nodeps.txt
APP_STAMP := $(VENV)/.installed-app-$(call hash,$(APP_FILES))
TEST_STAMP := $(VENV)/.installed-test-$(call hash,$(APP_FILES) requirements-dev.txt)

# Python compiles what is imported when it is first imported; compiling all that is installed ahead of
# that takes as long again as installing it.
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-compile
# Where the environment forbids to keep what was compiled, each process would compile all of it again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install install-test chromium app check unit test lint format docs notebooks package clean

help:
	@echo 'make app             install into $(VENV) once, serve the page on http://$(HOST):$(PORT)'
	@echo 'make app PORT=8000   the same on another port (HOST=0.0.0.0: for other machines too)'
	@echo 'make check           ruff, mypy and the fast tests: under two minutes on two cores'
	@echo 'make test            ruff, mypy and all tests, with the page in a browser and the notebooks'
	@echo 'make lint            ruff and mypy alone'
	@echo 'make docs            write the generated tables and the outputs of snippets in the pages anew'
	@echo 'make notebooks       run the notebooks and write their pages to docs/notebooks: a quarter of an hour'
	@echo 'make package         build the wheel and the sdist into dist, try each in a clean environment'
	@echo 'make format          let ruff rewrite the code'
	@echo 'make clean           remove $(VENV) and all caches'

$(BIN)/python:
	.ci/make-venv $(VENV)

$(APP_STAMP): | $(BIN)/python
	$(PIP_INSTALL) -r requirements.txt
	@$(PIP_INSTALL) --no-deps -r requirements-nodeps.txt \
		|| echo 'No tinysoundfont for this machine: all works but playing soundfonts.'
	$(PIP_INSTALL) --no-deps --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

$(TEST_STAMP): $(APP_STAMP)
	$(PIP_INSTALL) --quiet -r requirements-dev.txt
	@rm -f $(VENV)/.installed-test-*
	@touch $@

install: $(APP_STAMP)

install-test: $(TEST_STAMP) chromium

# After the environment, which may need apt too: two at once lock each other out.
chromium: | $(BIN)/python
	.ci/install-chromium

app: install
	PORT=$(PORT) GRADIO_SERVER_NAME=$(HOST) $(BIN)/python app.py

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2

format: install-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# make notebooks NAMES=01_hear_timbre for one of them.
notebooks: install-test
	OMP_NUM_THREADS=2 $(BIN)/python -m notebooks.build $(NAMES)

package: | $(BIN)/python
	$(BIN)/python .ci/try_package.py dist

docs: install-test
	OMP_NUM_THREADS=2 $(BIN)/python -m tests.documents

# Two workers; the one that has nothing left takes tests from the other. One thread for each kernel: on
# small arrays more are slower, and two cores are soon taken.
PYTEST = OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

check: install-test
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint unit

unit: install-test
	$(PYTEST) -m 'not (slow or browser or notebook)' --durations=10 --durations-min=2

test: lint
	$(PYTEST) --durations=20

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
