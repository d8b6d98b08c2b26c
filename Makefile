# make demo and make test do all the set-up they need.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
READY_FOR_TESTS := $(VENV)/ready-for-tests
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: demo test setup ready-for-tests bench bench-training soak quick readme screenshots clean

demo: setup
	$(BIN)/glasspatch demo

test: ready-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not stage"
	$(BIN)/python -m pytest -n 0 -m stage

quick: ready-for-tests
	$(BIN)/python -m pytest -m "not slow and not stage"

bench: ready-for-tests
	$(ONE_THREAD) $(BIN)/python -m tests.bench
	$(ONE_THREAD) $(BIN)/python -m tests.bench_nodes
	$(ONE_THREAD) $(BIN)/python -m tests.bench_mapping
	$(BIN)/python -m tests.bench_corpus 10 --short

bench-training: ready-for-tests
	$(BIN)/python -m tests.bench_training

soak: ready-for-tests
	$(BIN)/python -m tests.soak 600 512
	$(BIN)/python -m tests.soak 600 2048

readme: setup
	$(BIN)/python -m tests.readme

screenshots: ready-for-tests
	$(BIN)/python -m tests.screenshots

setup: $(READY)

ready-for-tests: $(READY_FOR_TESTS)

$(READY_FOR_TESTS): $(READY)
	PYTHON="$(PYTHON)" VENV="$(VENV)" bash setup.sh --tests
	touch $(READY_FOR_TESTS)

$(READY): pyproject.toml setup.sh
	PYTHON="$(PYTHON)" VENV="$(VENV)" bash setup.sh
	touch $(READY)

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache glasspatch-demo
