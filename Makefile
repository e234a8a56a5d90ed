# Two commands set everything up on a fresh machine with Python 3.11.2 or newer: `make choose` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check
INSTALL := $(BIN)/python $(PIP) --constraint constraints.txt

# Tests and runs use one intra-op thread each and fill the cores with processes instead.
TEST_PROCESSES ?= auto
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_PROCESSES)
QUICK := -m 'not slow and not real'

# The lower ends of the ranges in pyproject.toml, in an environment of their own.
OLDEST := .venv-oldest
OLDEST_PYTEST = OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -n $(TEST_PROCESSES)
OLDEST_TESTS := tests/optim tests/formula tests/study tests/search tests/store tests/landscape tests/surfaces tests/tasks tests/analysis tests/report tests/lab tests/cli

.PHONY: choose test test-all test-rest test-oldest test-wheel dist coverage lint bench gallery pictures clean

choose: $(VENV)/.installed  ## answer the question on real data: scikit-learn's digits
	$(BIN)/surefoot choose digits --runs 200 --report surefoot-digits.html

test: $(VENV)/.installed-test  ## the quick lane: every area, in minutes, with what pip installs
	$(PYTEST) $(QUICK)

test-all: test  ## the quick lane, then everything else
	$(MAKE) test-rest
	$(MAKE) test-oldest

test-rest: $(VENV)/.installed-test-all  ## whole studies, kills, PostgreSQL, Chromium, Ray, Lightning, Transformers, Keras, the wheel
	$(PYTEST) -m 'slow or real'

test-oldest: $(OLDEST)/.installed  ## the quick lane with the oldest versions of what Surefoot uses
	$(OLDEST_PYTEST) $(QUICK) $(OLDEST_TESTS)

test-wheel: $(VENV)/.installed-test-all  ## the wheel and the sdist: built, installed, used; a part of test-rest
	$(BIN)/python -m pytest tests/test_wheel.py

dist: $(VENV)/.installed-test-all  ## the wheel and the sdist, in dist/
	$(BIN)/python -m hatchling build --clean

coverage: $(VENV)/.installed-test-all  ## all tests, half as long again, and which lines they ran
	$(BIN)/coverage erase
	$(PYTEST) --cov --cov-report=term --cov-report=html

lint: $(VENV)/.installed-lint  ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-bench  ## speed and answer quality, as tables; takes an hour
	$(BIN)/python benchmarks/step_time.py
	$(BIN)/python benchmarks/step_costs.py
	$(BIN)/python benchmarks/exactness.py
	$(BIN)/python benchmarks/digits_grid.py
	$(BIN)/python benchmarks/choose_vs.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/store_rate.py
	$(BIN)/python benchmarks/faults.py
	$(BIN)/python benchmarks/lab_load.py

OPTIMIZERS := sgd,sgd:momentum=0.9,rmsprop,adagrad,adadelta,adam,muon

gallery: $(VENV)/.installed-test-all  ## a study of every built-in task, and docs/results.md; takes hours
	$(BIN)/python benchmarks/gallery.py

pictures: $(VENV)/.installed  ## the pictures of README and docs, from real runs
	$(BIN)/surefoot animate beale --optimizers $(OPTIMIZERS) --tuning tuned --x -2,4.5 --y -2.5,2.5 -o docs/contour.gif
	$(BIN)/surefoot animate saddle --optimizers $(OPTIMIZERS) --tuning tuned --steps 100 -o docs/saddle.gif
	$(BIN)/surefoot choose digits --runs 200
	$(BIN)/python benchmarks/picture.py answer docs/answer.svg
	$(BIN)/python benchmarks/picture.py line docs/line.svg

clean:
	rm -rf $(VENV) $(OLDEST) .surefoot dist

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 2) and "Surefoot needs Python 3.11.2 or newer; say PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing (some minutes on a new machine: torch is large) ..."
	$(INSTALL) --editable . scikit-learn  # which ships the digits; the whole gallery comes with the tests
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) --editable '.[test]'
	@touch $@

$(VENV)/.installed-test-all: $(VENV)/.installed-test
	$(INSTALL) --editable '.[test-all]'
	@touch $@

$(VENV)/.installed-lint: $(VENV)/.installed-test-all  # types of all that is imported
	$(INSTALL) --editable '.[test-all,lint]'
	@touch $@

$(OLDEST)/.installed: $(VENV)/bin/python pyproject.toml constraints-oldest.txt
	$(BIN)/python -m venv $(OLDEST)
	@# Starlette's test client took httpx before it took httpx2.
	$(OLDEST)/bin/python $(PIP) --constraint constraints-oldest.txt --editable '.[test,postgresql]' httpx
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-test
	$(INSTALL) --editable '.[bench]'
	@touch $@
