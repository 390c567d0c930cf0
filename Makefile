SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv/bin
PYTHON ?= python3.11
DATASET ?= iris
MUTANTS ?= --per-file 20
MUTANTS_PYTHON ?= --per-module 6
PYTEST ?=
PORT := 8545
CHAOS ?= --pace 1.5 --gap 27
SOAK ?=
TOOLS := . toolchain/activate;

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

.PHONY: setup
setup: .venv/.complete node_modules/.complete ## Install everything pinned in the lock files

.venv/.complete: requirements.lock toolchain/uv.lock pyproject.toml
	@echo "Set-up, 1 of 4: a Python of its own in .venv and the installer (half a minute)"
	$(PYTHON) -m venv --clear .venv
	$(VENV)/pip install --quiet --require-hashes -r toolchain/uv.lock
	@echo "Set-up, 2 of 4: the packages of requirements.lock (one to three minutes, and nothing is said meanwhile)"
	$(VENV)/uv pip install --quiet --python $(VENV)/python --no-deps --require-hashes --compile-bytecode -r requirements.lock
	@echo "Set-up, 3 of 4: the pole command (seconds)"
	$(VENV)/uv pip install --quiet --python $(VENV)/python --no-deps --no-build-isolation --editable .
	touch $@

node_modules/.complete: package-lock.json
	@echo "Set-up, 4 of 4: Foundry, solc and the contracts' libraries, by npm (a minute)"
	npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: demo
demo: setup ## Run the main job end to end on a chain of its own; DATASET=iris|wine|breast_cancer|digits
	$(TOOLS) ape run demo --dataset $(DATASET)

.PHONY: build build-contracts build-ape build-forge build-proofs
build: build-contracts build-ape build-forge build-proofs ## Compile for all tools; each takes a core, so --jobs helps

build-contracts: setup
	$(TOOLS) python -m offchain.chain.compiler contracts tests/contracts

build-ape: setup
	$(TOOLS) ape compile

build-forge: setup
	$(TOOLS) forge build

build-proofs: setup
	$(TOOLS) FOUNDRY_PROFILE=proofs forge build

.PHONY: test test-python test-forge
test: test-python test-forge ## Run all tests: Python on eth-tester and Anvil, forge fuzzing and invariants

test-python: setup build-contracts
	$(TOOLS) python -m pytest -n 2 --dist worksteal $(PYTEST)

test-forge: setup
	$(TOOLS) forge test

.PHONY: lint
lint: setup slither ## Check style, types and what static analysis finds
	$(TOOLS) ruff check . && ruff format --check . && mypy
	$(TOOLS) forge fmt --check contracts tests

.PHONY: slither
slither: setup ## Analyse the contracts; fails on a finding without an explanation
	$(TOOLS) FOUNDRY_PROFILE=slither slither .

.PHONY: proofs
proofs: setup ## Prove properties of the contracts for all inputs (tests/proofs)
	$(TOOLS) FOUNDRY_PROFILE=proofs python toolchain/prove.py

.PHONY: coverage coverage-contracts coverage-python
coverage: coverage-contracts coverage-python ## Tell which lines and branches of contracts and Python the tests run

coverage-contracts: setup
	$(TOOLS) python -m tests.coverage

coverage-python: override PYTEST += --cov
coverage-python: test-python

.PHONY: mutants
mutants: setup ## Run the tests against mutants of the contracts; MUTANTS="--per-file 20"
	$(TOOLS) python -m tests.mutation $(MUTANTS)

.PHONY: mutants-python
mutants-python: setup ## Run the tests against mutants of the Python modules; MUTANTS_PYTHON="--per-module 6"
	$(TOOLS) python -m tests.mutation.python $(MUTANTS_PYTHON)

.PHONY: verify
verify: proofs coverage mutants mutants-python ## All that is longer than the tests: proofs, coverage, mutants, a million calls, fuzzing
	$(TOOLS) FOUNDRY_PROFILE=long forge test
	$(TOOLS) POLE_FUZZ_CASES=7000 POLE_MARKET_EPOCHS=200 POLESTAR_EXAMPLES=5000 python -m pytest tests/fuzz -n 2

.PHONY: bench
bench: setup ## Measure gas and speed; writes docs/results/bench.json
	$(TOOLS) python -m benchmarks

.PHONY: experiments
experiments: setup ## Write the economics tables and charts under docs/results
	$(TOOLS) python -m offchain.economics.experiments

.PHONY: chaos
chaos: setup ## Kill workers, break the endpoint and reorganise the chain for half an hour; writes docs/results/chaos.md
	$(TOOLS) python -m tests.chaos $(CHAOS)

.PHONY: soak
soak: setup ## Run without faults and measure throughput and block intervals; writes docs/results/soak.md
	$(TOOLS) python -m tests.soak $(SOAK)

.PHONY: node
node: setup ## Run a local chain at http://127.0.0.1:8545 with a block a second; PORT=8545
	@if (exec 3<>/dev/tcp/127.0.0.1/$(PORT)) 2>/dev/null; then \
		echo "Port $(PORT) is taken: name another, as in \`make node PORT=$$(($(PORT) + 1))\`;" \
			"docs/README.md says how pole and ape find it." >&2; exit 1; fi
	$(TOOLS) anvil --block-time 1 --hardfork prague --port $(PORT)

.PHONY: lock
lock: .venv/.complete ## Resolve the dependencies anew and write the lock files
	$(VENV)/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o requirements.lock
	npm install --package-lock-only --ignore-scripts
