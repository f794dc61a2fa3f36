# Two commands: `make demo` shows what shapescope does, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test lint types docs pictures clean

demo: $(STAMP)
	$(BIN)/shapescope trace lenet5 --input 1,1,32,32
	$(BIN)/shapescope params network

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

docs: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python docs/run_code.py
	OMP_NUM_THREADS=1 $(BIN)/python docs/make_pictures.py --check

pictures: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python docs/make_pictures.py

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist
