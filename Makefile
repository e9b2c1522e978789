# On a fresh machine `make demo` and `make test` do all the set-up themselves. They need make, a
# Python of at least 3.11 and a package mirror that pip is configured for.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
VENV ?= .venv
PY := $(VENV)/bin/python

.DELETE_ON_ERROR:
.PHONY: help demo lab test provide lint pytest coverage notebooks docs screenshots bench format clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' Makefile

demo: $(VENV)/made-demo ## run the tour on a playground; print it, and leave it as a notebook and a page
	@$(PY) -m notebooks.demo

lab: $(VENV)/made-lab ## open a copy of the tour in JupyterLab
	@mkdir -p build/lab
	@test -e build/lab/01-tour.ipynb || cp notebooks/01-tour.ipynb build/lab
	$(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) build/lab/01-tour.ipynb

test: lint pytest ## run every check

provide: $(VENV)/made-test ## get what the tests need of this machine, where it can be had
	$(PY) -m tests.provide

lint: $(VENV)/made-test ## check format, style and types
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy

pytest: provide ## run the tests; the slowest are named at the end
	$(PY) -m pytest -n 2 --dist loadgroup --durations=15

coverage: provide ## run the tests, with a report of what they covered
	$(PY) -m pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered

notebooks: $(VENV)/made-test ## execute the notebooks anew, in place
	$(PY) -m notebooks.execute

docs: $(VENV)/made-docs ## build the pages of documentation, in build/docs, and check their links
	rm -rf build/docs build/docs-source
	mkdir -p build
	cp -RL docs build/docs-source
	$(PY) -m sphinx --fresh-env --fail-on-warning --keep-going --jobs 2 --quiet \
		--doctree-dir build/docs-trees build/docs-source build/docs
	$(PY) docs/links.py build/docs
	@echo 'The pages are in build/docs; the first is build/docs/index.html.'

screenshots: provide ## take the pictures that the README and the pages show
	$(PY) -m tests.browser.screenshots

bench: $(VENV)/made-test ## measure the figures of the README
	$(PY) -m benchmarks

format: $(VENV)/made-test ## format the code and mend what ruff can
	$(VENV)/bin/ruff format
	$(VENV)/bin/ruff check --fix

clean: ## remove what was made here; the tests' cache stays
	rm -rf $(VENV) build dist .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(PY):
	@test -n '$(PYTHON)' || { echo 'No Python of at least 3.11 is installed.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(PYTHON) -m tests.provide $(PYTHON)-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/made-%: pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --editable '.[$*]'
	@touch $@
