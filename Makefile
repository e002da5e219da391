# The two commands of the README: `make demo` and `make test`. Both set up what they need first.
PYTHON ?= python3
# A PYTHON that somebody names is taken as it is; else the fastest one at hand.
THIS := $(if $(filter file,$(origin PYTHON)),,--this)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000

.PHONY: lock install test-install demo up test lint bench i18n clean

install: $(VENV)/.installed
test-install: $(VENV)/.test-installed

$(VENV)/bin/python:
	$(PYTHON) deploy/environment.py $(VENV) $(THIS)

$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test-installed: requirements-test.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.txt
	@touch $@

demo: install
	$(BIN)/ikusei demo --port $(PORT)

up: install
	$(BIN)/ikusei up

# What is told in seconds of real processes (tests/e2e) runs alone, the rest on every core.
# Chromium, Japanese fonts, Postfix, Dovecot, SpamAssassin: installed when that is allowed, else named, never skipped.
test: test-install
	$(BIN)/python deploy/needs.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --ignore=tests/e2e -n auto --maxprocesses=4 --dist loadfile
	$(BIN)/pytest tests/e2e

lint: test-install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: test-install
	$(BIN)/python -m tests.bench

# Read the strings of code and templates again; what is new in messages.po wants its English.
i18n: install
	$(BIN)/pybabel -q extract -F campaigns/web/babel.cfg -k _l -k lazy_pgettext:1c,2 --no-location -o campaigns/web/translations/messages.pot .
	$(BIN)/pybabel -q update -i campaigns/web/translations/messages.pot -d campaigns/web/translations --no-fuzzy-matching

clean:
	rm -rf $(VENV) var build *.egg-info

# Pin again, with hashes and without naming an index.
lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra test pyproject.toml -o requirements-test.txt
