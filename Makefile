# The two commands: `make run` (everything starts, a sample batch is evaluated) and `make test`.
# PYTHON chooses the interpreter the environment is made with (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run stop test check lint types imports faults chaos fuzz audit bench load stress accuracy dashboards examples lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

# The environment is complete when its stamp is newer than the lock it was installed from.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed (make PYTHON=python3.11 …)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.runtime  ## start everything and evaluate the sample batch over HTTP
	@DECALOGO_ALLOW_ANONYMOUS=true $(BIN)/decalogo demo examples

stop: $(VENV)/.runtime  ## end exactly what `make run` started
	@$(BIN)/decalogo down

test: $(VENV)/.dev  ## all tests (under 10 minutes)
	@$(BIN)/python -m pytest -n 2 --dist loadscope

check: lint types imports  ## lint, types and import contracts

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/mypy

imports: $(VENV)/.dev
	@$(BIN)/lint-imports --no-cache

faults: $(VENV)/.dev  ## every fault on a running service, one by one
	@$(BIN)/python -m pytest -m faults -n 2 --dist loadscope

chaos: $(VENV)/.dev  ## ten minutes of random faults (CHAOS="--seed 7 --minutes 10 --documents 200")
	@$(BIN)/python tests/faults/chaos.py $(CHAOS)

fuzz: $(VENV)/.dev  ## a minute of rubbish for each parser that reads what strangers send
	@$(BIN)/python tests/fuzz/fuzz.py

audit: $(VENV)/.dev  ## known vulnerabilities of the locked dependencies (needs a vulnerability database)
	@$(BIN)/python .ci/audit.py

# One of: batch where_cpu_goes one_process pool growth queue_cost autoscaling simulation uploads celery_peer.compare, with its options.
BENCH ?= batch
bench: $(VENV)/.dev  ## speed and memory, see benchmarks/results.md (BENCH="pool --evaluators 2 8"; default: batch)
	@$(BIN)/python -m benchmarks.$(BENCH)

load: $(VENV)/.dev  ## ten documents at once against the promised service level (LOAD="--sample" takes short ones)
	@$(BIN)/python -m benchmarks.load $(LOAD)

stress: $(VENV)/.dev  ## fifty documents in batches of ten, memory of every process watched (STRESS="--sample")
	@mkdir -p var
	@$(BIN)/python -m benchmarks.stress --plot var/stress.png $(STRESS)

dashboards: $(VENV)/.dev  ## write the Grafana dashboards again
	@$(BIN)/python -m dashboards.build

accuracy: $(VENV)/.dev  ## agreement with the labelled plans, where they are present
	@$(BIN)/python -m benchmarks.accuracy

examples: $(VENV)/.runtime  ## typeset the sample plans again
	@$(BIN)/python examples/build.py

lock: $(VENV)/.dev  ## renew the lock files from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-annotate --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-annotate --no-header -q -o requirements-dev.lock

clean:  ## remove the environment and what the service stored (ends the service first)
	@test ! -x $(BIN)/decalogo || $(BIN)/decalogo down
	rm -rf $(VENV) var build *.egg-info
