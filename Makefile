# make demo and make test do all the set-up they need.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: demo test setup bench quick readme clean

demo: setup
	$(BIN)/glasspatch demo

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

quick: setup
	$(BIN)/python -m pytest -m "not slow"

bench: setup
	$(ONE_THREAD) $(BIN)/python -m tests.bench

readme: setup
	$(BIN)/python -m tests.readme

setup: $(READY)

$(READY): pyproject.toml setup.sh
	PYTHON="$(PYTHON)" VENV="$(VENV)" bash setup.sh
	touch $(READY)

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache glasspatch-demo
