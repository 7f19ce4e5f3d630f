# make demo   the whole chain on data it makes itself, offline, in a few minutes
# make test   the tests
# make check  format, lint, types, import contracts, tests
# make slow   the tests that take minutes
# make docs   the documentation site, built strictly into build/docs; docs-serve shows it while you write
# make qgis-plugin  the zip of the plugin for QGIS (build/landslip-qgis.zip), and what it says of the commands
# make package  wheel and sdist, installed into an empty environment and used there
# make package-all  the same for Python 3.11 to 3.13, base and [train], lowest bounds and newest (gigabytes of torch)
# make page   build the page of `landslip serve` from web/ (needs Node.js 20 or newer)

VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo-output
UV_VERSION := 0.13.9

.PHONY: demo test slow check lint docs docs-serve lock page page-check package package-all qgis-plugin clean

demo: $(VENV)/.ready
	$(BIN)/landslip demo --out $(DEMO) --overwrite

# A process a core, each with one thread; the tests of a file stay together, with what they share. Byte code is
# kept, also where containers say otherwise: each process that a test starts would compile landslip again.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --dist loadfile

test: $(VENV)/.ready
	$(PYTEST) -m "not slow and not gpu"

slow: $(VENV)/.ready
	$(PYTEST) -m "slow and not gpu"

check: lint docs test

lint: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A broken link, a missing anchor and a page that is not in the nav are errors. No other host is asked.
docs: $(VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: $(VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

# The locked packages of requirements.lock (all extras, and the groups of development and documentation), then landslip.
$(VENV)/.ready: pyproject.toml requirements.lock
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet uv==$(UV_VERSION)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --no-deps --editable .
	touch $@

package: $(VENV)/.ready
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python release/check.py

package-all: $(VENV)/.ready
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python release/check.py --python 3.11 3.12 3.13 --bounds newest lowest \
		--extras "" train

# -P: the folder qgis/ holds a package of landslip's name.
qgis-plugin: $(VENV)/.ready
	$(BIN)/python -P qgis/build.py --out build/landslip-qgis.zip

# The built page is in the repository, so that a wheel can be made without Node.js.
page: web/node_modules/.ready
	cd web && npm run build

# The page's types and tests, and whether what is in the repository is what its sources give.
page-check: page
	cd web && npm run check && npm test
	git diff --exit-code --stat -- src/landslip/server/page

web/node_modules/.ready: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

# Newest versions that the bounds of pyproject.toml allow.
lock: $(VENV)/.ready
	$(BIN)/uv pip compile pyproject.toml --extra export --extra cloud --extra serve --extra hub --group dev --group docs --universal \
		--python-version 3.11 --generate-hashes --upgrade --quiet -o requirements.lock

clean:
	rm -rf $(VENV) $(DEMO) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
