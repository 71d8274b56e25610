# Everything runs from one virtual environment, .venv, made on first use and renewed when its inputs change.
#
#   make demo     train on the bundled surnames, predict a few, write a report
#   make check    what CI runs: the whole suite, which holds the lint, type and import checks too
#   make fast     what the push hook runs: the suite without laws, engines, benchmarks and whole runs (a minute)
#   make test     the same, under the name that .ci/run calls
#   make native   build the native engine into src, again when its sources have changed (make test does it too)
#   make emulated for tests: what it does with AVX-512 and AMX, on any machine (make test does it too)
#   make browser  fetch what the tests of pages use beside a chromium, and say if there is none (make test does it too)
#   make sanitize run its laws with the compiler's checks of memory and undefined behaviour
#   make fuzz     try mutated files, folders, requests and layers (minutes); CASES=, SEED= and FUZZ= (one of them) are optional
#   make lint     only the checks on the repository itself: format, lint, types, import floors (seconds)
#   make format   let ruff rewrite what it can, and write the types of train's settings anew
#   make docs     the site in English and Chinese into build/docs, every lesson executed (some minutes the first time)
#   make bench    the benchmarks beside their peers
#   make clean    remove caches and demo-run (not .venv)
#
# Another interpreter: make PYTHON=python3.12 demo

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check
COMPILER := $(firstword $(shell for c in $$CXX c++ g++ clang++; do command -v $$c; done; true))
CMAKE := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cmake

.PHONY: demo check test fast native emulated browser sanitize compiler fuzz lint format docs bench clean
.DEFAULT_GOAL := check

demo: $(STAMP) $(if $(COMPILER),native)
	$(BIN)/recurra train surnames --out demo-run --overwrite
	$(BIN)/recurra predict demo-run "Abakumtsev" "Montefusco" "McKenzie" --top 3
	@echo "The report: $(CURDIR)/demo-run/report.html"

check: test

# Processes of one thread each, see tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal
LONG := laws engines api cli bench fuzz test_readme.py test_model_folder_crashes.py

test: native emulated browser
	$(PYTEST)

fast: native
	$(PYTEST) $(LONG:%=--ignore=tests/%)

native: $(STAMP) compiler
	@[ -f build/native/build.ninja ] || $(CMAKE) -S native -B build/native -G Ninja -DCMAKE_INSTALL_MESSAGE=LAZY
	@$(CMAKE) --build build/native
	@$(CMAKE) --install build/native --prefix src

emulated: native
	@$(CMAKE) --build build/native --target emulated
	@$(CMAKE) --install build/native --prefix src

# axe-core looks for what keeps people from using a page. Without a chromium or npm the tests of pages are skipped, and say so.
AXE := build/axe/axe.min.js
AXE_VERSION := 4.14.1

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  echo "note: there is no chromium, pages are not tried; on Debian and Ubuntu: the package chromium" >&2
	@[ -f $(AXE) ] || { command -v npm >/dev/null && mkdir -p $(dir $(AXE)) && cd $(dir $(AXE)) && \
	  npm pack --silent axe-core@$(AXE_VERSION) >/dev/null && \
	  tar -xzf axe-core-$(AXE_VERSION).tgz --strip-components=1 package/axe.min.js && rm axe-core-$(AXE_VERSION).tgz; } || \
	  echo "note: axe-core $(AXE_VERSION) was not fetched, which needs npm; pages are not tried for accessibility" >&2

# Python and torch are not instrumented, so the checker is loaded before them; what they leak is not looked at.
sanitize: $(STAMP) compiler
	@[ -f build/sanitize/build.ninja ] || $(CMAKE) -S native -B build/sanitize -G Ninja -DRECURRA_SANITIZE=ON
	@$(CMAKE) --build build/sanitize --target all emulated
	LD_PRELOAD="$$($(COMPILER) -print-file-name=libasan.so) $$($(COMPILER) -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0 RECURRA_NATIVE_DIR="$(CURDIR)/build/sanitize" \
	  $(BIN)/python -m pytest tests/laws tests/engines/native

# How many cases each script tries if CASES does not say so.
FUZZ ?= engines layers folders readers processes
SEED ?= 1
CASES_engines := 2000
CASES_layers := 300
CASES_folders := 300
CASES_readers := 10000
CASES_processes := 20

fuzz: native
	@failed=; $(foreach name,$(FUZZ),echo "$(name):"; \
	  $(BIN)/python -m tests.fuzz.$(name) --cases $(or $(CASES),$(CASES_$(name))) --seed $(SEED) || failed="$$failed $(name)";) \
	  [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

compiler:
	@[ -n "$(COMPILER)" ] || { echo "The native engine needs a C++20 compiler; on Debian and Ubuntu: the package g++" >&2; \
	  exit 1; }

lint: $(STAMP)
	$(BIN)/python -m pytest -q tests/test_house.py

format: $(STAMP)
	$(BIN)/python scripts/write_train_settings.py
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# Chinese lessons have the code of the English ones, so that each is executed once for both. No network is asked for.
docs: $(VENV)/.docs-installed $(if $(COMPILER),native)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	RECURRA_DOCS_LANGUAGE=zh $(BIN)/python -m sphinx -W --keep-going -q -b html -c docs docs/zh build/docs/zh
	$(BIN)/python scripts/check_site.py build/docs
	$(BIN)/python scripts/compare_languages.py
	@echo "The site: $(CURDIR)/build/docs/index.html"

bench: $(STAMP)
	$(BIN)/python benchmarks/results.py
	$(BIN)/python benchmarks/tutorial_names.py

clean:
	rm -rf build dist src/recurra/engines/native/*.so demo-run .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache benchmarks/results
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The development tools come first, for the build's own (scikit-build-core, CMake, Ninja) are among them, pinned.
# pip learned to read dependency groups in 25.1; listing them here works with every pip that a Python 3.11 brings.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Recurra and its development tools into $(VENV) ..."
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' \
	  > $(VENV)/dev-requirements.txt
	@$(PIP) --constraint constraints.txt --requirement $(VENV)/dev-requirements.txt
	@$(PIP) --constraint constraints.txt --no-build-isolation --editable .
	@touch $@

$(VENV)/.docs-installed: $(STAMP)
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["docs"], sep="\n")' \
	  > $(VENV)/docs-requirements.txt
	@$(PIP) --constraint constraints.txt --requirement $(VENV)/docs-requirements.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Recurra needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)"; \
	  echo "Name another one: make PYTHON=python3.12 ..."; exit 1; } >&2
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "$(PYTHON) -m venv failed; on Debian and Ubuntu it needs the package python3-venv" >&2; exit 1; }
