# Two commands do all: `make demo` and `make test`. Every target makes .venv from the lock if it is
# missing or older than the lock.
PYTHON ?= python3
BIN := .venv/bin
WORKSPACE ?= workspace
UV := $(BIN)/python -m uv

.PHONY: demo test test-real lint serve bench clean lock

demo: .venv/ready
	$(BIN)/recsys demo --workspace $(WORKSPACE)

test: lint .venv/spark
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder -m "not real"

test-real: .venv/ready
	$(BIN)/python -m pytest -m real

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

serve: .venv/ready
	$(BIN)/recsys serve --workspace $(WORKSPACE)

bench: .venv/ready
	$(BIN)/recsys bench ab
	$(BIN)/recsys bench movielens
	$(BIN)/recsys bench generate
	$(BIN)/recsys bench faults
	$(BIN)/recsys bench models
	$(BIN)/recsys bench statistics
	$(BIN)/recsys bench feature-log
	$(BIN)/recsys bench rollback
	$(BIN)/recsys bench events
	$(BIN)/recsys bench request
	$(BIN)/recsys bench index --apps 1000000
	$(BIN)/recsys bench serve --untrained --plain
	$(BIN)/recsys bench overload --untrained
	$(BIN)/recsys bench swap

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache *.egg-info $(WORKSPACE)

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 13) else f"Python 3.11 to 3.13 is needed, found {v.major}.{v.minor}: set PYTHON=python3.12, say")'
	@echo "making .venv from requirements.lock"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[0-9.]*\).*/\1/p' requirements.lock)"
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Spark is hundreds of megabytes that a laptop's demo has no use for: it comes when a test needs it.
.venv/spark: .venv/ready requirements-spark.lock
	@$(UV) pip install --quiet --require-hashes --requirement requirements-spark.lock
	@touch $@

# Solves the lock anew: every package by version and hash, no address.
lock:
	$(UV) pip compile --quiet --universal --upgrade --python-version 3.11 --extra dev --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate pyproject.toml --output-file requirements.lock
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["spark"])' \
	  | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --constraint requirements.lock \
	  --no-emit-index-url --no-header --no-annotate - --output-file requirements-spark.lock
