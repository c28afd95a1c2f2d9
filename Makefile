# Two commands for a fresh machine (Python ≥ 3.11, git, make): `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes

.PHONY: help install test simulate fuzz sbom kill pauses races mutants bench wild check demo control-plane cluster lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: $(READY) ## the main job, told in one terminal; KEEP=1 leaves it running, CLUSTER=local takes a real control plane
	@$(BIN)/python -m demo $(if $(CLUSTER),--cluster $(CLUSTER)) $(if $(KEEP),--keep)

test: check control-plane ## everything that must pass before a change lands
	$(BIN)/python -m pytest -n 2 --dist loadgroup

kill: control-plane ## kill the daemon COUNT times (1000) at random instants, and once at each boundary: hours
	$(BIN)/python -m tests.kill kills --count $(or $(COUNT),1000) --boundaries

pauses: control-plane ## pause the leader COUNT times (200) beside a stand-by: half an hour
	$(BIN)/python -m tests.kill pauses --count $(or $(COUNT),200)

races: $(READY) ## race COUNT reverts (1000) against a person's pushes, at every instant: a quarter of an hour on an idle machine; Ctrl-C tells what there is
	$(BIN)/python -m tests.races --count $(or $(COUNT),1000)

mutants: control-plane ## break an invariant at a time in a copy, and show which test notices: minutes
	$(BIN)/python -m tests.mutants

bench: control-plane ## measure what it costs, on a real control plane: half an hour; ONLY='noop bulk', QUICK=1 (keeps nothing)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ONLY)

simulate: $(READY) ## the whole daemon in virtual time, with faults; SEED=0 COUNT=100 WORKERS=1, COVERAGE=1
	@$(BIN)/python -m tests.simulation --seed $(or $(SEED),0) --count $(or $(COUNT),1) --workers $(or $(WORKERS),1) \
		$(if $(COVERAGE),--coverage)

wild: control-plane ## what becomes of SOURCE, a folder of anybody's manifests, a kustomization or a chart; OPTIONS=--help
	@$(BIN)/python -m wild $(if $(SOURCE),$(SOURCE),--help) $(OPTIONS)

fuzz: $(READY) ## fresh inputs to every parser for MINUTES (5); TARGET=yaml for some of them
	@$(BIN)/python -m tests.hostile.fuzzing --minutes $(or $(MINUTES),5) --target "$(TARGET)" $(if $(SEED),--seed $(SEED))

check: $(READY) ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -p reconciler -p demo -p wild

install: $(READY) ## the virtual environment, from the hash-pinned lock file

$(READY): requirements.lock requirements-installer.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@echo 'Installing the pinned dependencies into $(VENV): less than half a minute, once.'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --requirement requirements-installer.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock \
	  || { echo 'uv could not (it does not read the settings of pip): pip tries, and takes a minute.'; $(PIP) --requirement requirements.lock; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

control-plane: $(READY) ## build the real control plane: about 5 minutes once a machine, then at once
	$(BIN)/python tests/control-plane/build.py

cluster: control-plane ## run a real Kubernetes API server in the foreground
	$(BIN)/python tests/control-plane/cluster.py

sbom: $(READY) ## write the bill of materials of the lock file, sbom.cdx.json (CycloneDX)
	@$(BIN)/python -m tests.supply_chain.sbom

lock: $(READY) ## pin the dependencies of pyproject.toml again
	$(BIN)/uv pip compile --quiet pyproject.toml --extra dev --generate-hashes --python-version 3.11 --no-header -o requirements.lock
	$(BIN)/uv pip compile --quiet pyproject.toml --constraint requirements.lock --generate-hashes --python-version 3.11 --no-header -o requirements-runtime.lock

clean: ## remove the environment and the caches
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
