# make demo    the main thing, on a real script
# make test    everything that CI runs: lint, types, all tests
# make quick   the developer's loop: the tests that need no framework
# make golden  write the expected reports and the help texts in docs anew; read the diff before committing

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Packages that memfit records and need not live with: their jobs are run by an interpreter that has them and not memfit.
TABULAR := .venv-tabular
TABULAR_READY := $(TABULAR)/.ready
XLA := .venv-xla
XLA_READY := $(XLA)/.ready
OWN := src tests examples benchmarks

.PHONY: demo test quick lint types tests golden setup tabular xla clean

demo: $(READY)
	$(BIN)/memfit estimate --on rtx4090-24gb -o demo.json examples/train_gpt.py --batch_size=12 && echo && \
	  echo '$$ memfit report demo.json' && $(BIN)/memfit report demo.json

test: lint types tests

tests: $(READY) $(TABULAR_READY) $(XLA_READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal --timeout 300

quick: $(READY)
	$(BIN)/python -m pytest -q -x -m "not slow and not torch and not gpu"

lint: $(READY)
	$(BIN)/ruff check $(OWN)
	$(BIN)/ruff format --check $(OWN)

types: $(READY)
	$(BIN)/mypy

golden: $(READY)
	MEMFIT_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/golden

setup: $(READY) $(TABULAR_READY) $(XLA_READY)

tabular: $(TABULAR_READY)

$(TABULAR_READY): requirements/tabular.txt
	test -x $(TABULAR)/bin/python || $(PYTHON) -m venv $(TABULAR)
	$(TABULAR)/bin/python -m pip install --quiet -r requirements/tabular.txt
	touch $(TABULAR_READY)

xla: $(XLA_READY)

$(XLA_READY): requirements/xla.txt
	test -x $(XLA)/bin/python || $(PYTHON) -m venv $(XLA)
	$(XLA)/bin/python -m pip install --quiet -r requirements/xla.txt
	touch $(XLA_READY)

# torch first and by its exact version: whatever is installed after it then finds it there and pulls no other build.
$(READY): pyproject.toml requirements/dev.txt requirements/torch.txt requirements/frameworks.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements/torch.txt
	$(BIN)/python -m pip install --quiet -r requirements/dev.txt -c requirements/torch.txt
	$(BIN)/python -m pip install --quiet -r requirements/frameworks.txt -c requirements/torch.txt
	$(BIN)/python -m pip install --quiet -e . -c requirements/torch.txt
	touch $(READY)

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis demo.json
