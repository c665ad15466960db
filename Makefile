# Everything a person does here. `make` alone prints this help.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11
LAB_SETTINGS := $(VENV)/share/jupyter/lab/settings/overrides.json

.DEFAULT_GOAL := help
.PHONY: help setup lab assign grade test verify bench lint clean

help:  ## print this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready  ## make the environment in .venv (again only when its files changed)

$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (a few minutes, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

lab: setup  ## JupyterLab: masters (solutions/*.py) and student notebooks, all open as notebooks
	@$(BIN)/jupytext-config --settings-file $(LAB_SETTINGS) set-default-viewer python > /dev/null
	@PYTHONPATH="$(CURDIR)" $(BIN)/jupyter lab --notebook-dir="$(CURDIR)"

assign: setup  ## masters -> notebooks, student zip, Gradescope zips, solved copies
	@$(BIN)/autograder assign --out dist

grade: assign  ## build the release and grade the example class in data/submissions
	@$(BIN)/autograder grade data/submissions --out grades

test: setup  ## all tests (under 15 minutes on two cores)
	@$(BIN)/python -m pytest -m 'not verify'

verify: setup  ## the full numbers: many seeds, whole corpora, every level
	@SEEDS=20 $(BIN)/python -m pytest

bench: setup  ## the measured claims, as a table
	@$(BIN)/autograder bench

lint: setup  ## style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

clean:  ## remove what can be made again (the environment, dist, grades)
	rm -rf $(VENV) dist grades .pytest_cache .mypy_cache .ruff_cache .hypothesis
