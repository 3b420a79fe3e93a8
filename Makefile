# make report · test · lab · lint · bench (and test-slow, test-engines, test-browser): each makes .venv first if it is not there.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: report test test-slow test-engines test-browser faults soak fuzz lint lab bench coursework data clean

report: .venv
	$(BIN)/crmlib report --jobs 2

test: .venv
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not slow and not engines and not browser"

test-slow: .venv
	$(BIN)/python -m pytest -n auto --dist loadgroup -m slow

# On servers of other kinds: PostgreSQL, and Spark in this process (Java 17).
test-engines: .venv/spark
	$(BIN)/python -m pytest -m engines

# JupyterLab in Chromium, with mouse and keyboard; the browser is the system's own.
test-browser: .venv/browser
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist load -m browser tests/browser

# Real runs killed, starved and lied to at random moments. As root it mounts small disks that fill
# up and fail; otherwise it says that these two were not tried.
TRIALS ?= 25
faults: .venv
	$(BIN)/python -m tests.faults --trials $(TRIALS)

# 200 scheduled runs in one process: memory, handles, files and processes must not grow.
soak: .venv
	$(BIN)/python -m tests.faults.soak

# Any bytes for the reader of tables, any text for schedules; then the CSV reader for a minute under
# a fuzzer that looks for branches not taken yet.
fuzz: .venv/fuzz
	CRMLIB_FUZZ=1 $(BIN)/python -m pytest -n auto tests/fuzz
	$(BIN)/python tests/fuzz/csv_reader_atheris.py

lint: .venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

lab: .venv
	$(BIN)/jupyter lab notebooks/start_here.ipynb

bench: .venv-bench .venv-plspm .venv-lifetimes .venv-pymc
	.venv-bench/bin/python -m tests.benchmarks

# Exercise notebooks from the solutions beside them.
coursework: .venv
	$(BIN)/python -m crmlib.exercises.generation notebooks/coursework

data: .venv
	$(BIN)/python -m crmlib.tables.example data

# The environment is remade only when what it holds changes.
.venv: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock -e '.[dev]'
	touch $@

.venv/spark: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev,spark]'
	touch $@

.venv/browser: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev,browser]'
	touch $@

.venv/fuzz: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev,fuzz]'
	touch $@

# Benchmarks run beside other packages, which the workbook itself does without.
.venv-bench: .venv-bench/installed

.venv-bench/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock -e '.[bench]'
	touch $@

# plspm does not work with the versions the workbook needs.
.venv-plspm: .venv-plspm/installed

.venv-plspm/installed: pyproject.toml
	$(PYTHON) -m venv .venv-plspm
	.venv-plspm/bin/python -m pip install --quiet --disable-pip-version-check \
		plspm==0.5.7 'pandas>=2.1,<3'
	touch $@

# Neither does lifetimes.
.venv-lifetimes: .venv-lifetimes/installed

.venv-lifetimes/installed: pyproject.toml
	$(PYTHON) -m venv .venv-lifetimes
	.venv-lifetimes/bin/python -m pip install --quiet --disable-pip-version-check \
		lifetimes==0.11.3 'pandas<2.2' 'numpy<2' 'scipy<1.13'
	touch $@

# pymc-marketing would bring its own numpy.
.venv-pymc: .venv-pymc/installed

.venv-pymc/installed: pyproject.toml
	$(PYTHON) -m venv .venv-pymc
	.venv-pymc/bin/python -m pip install --quiet --disable-pip-version-check pymc-marketing==0.19.2
	touch $@

clean:
	rm -rf .venv .venv-bench .venv-plspm .venv-lifetimes .venv-pymc reports/*/ reports/.work .pytest_cache .mypy_cache .ruff_cache
