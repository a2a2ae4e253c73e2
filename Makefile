# Two commands do everything: `make demo` and `make test`. Both set up what they need in .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# the alternative runtime has wheels up to Python 3.11 only, and needs numpy 1
PYTHON_TFLITE ?= $(shell command -v python3.11)
VENV_TFLITE := .venv-tflite
# most tests wait for something, so four run at a time even on two processors; a module's tests stay together, since they
# share a device, a browser or a database
PARALLEL ?= -n 4 --dist loadfile
# a check that was asked for and cannot run here is a failure, exit code 77, with what it needs in its last line; with
# SKIP=1, as in CI, it is none
UNABLE = || { code=$$?; [ "$$code" = 77 ] && [ -n "$(SKIP)" ] || exit "$$code"; }
# what runs the network, or leans on numpy, which is older beside the alternative runtime
ON_BOTH_RUNTIMES := analysis audience bench contract core inference models runtime/test_device.py system util vision

.PHONY: help demo test coverage mutation check format test-tflite-runtime test-service test-homeassistant test-brokers \
	drill simulate scenes soak audit house graph converter docs site sbom release clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

demo: $(VENV)/.demo ## run the whole device on a drawn scene, no hardware needed, and show its page
	$(BIN)/face-edge demo

test: $(VENV)/.dev ## run the tests
	$(BIN)/python -m pytest $(PARALLEL)

coverage: $(VENV)/.dev ## run the tests and say which lines none of them reached (half as long again)
	$(BIN)/python -m pytest --cov --cov-report=term $(PARALLEL)

mutation: $(VENV)/.mutation ## change the pure rooms in 4,700 ways and list the changes that no test notices (an hour)
	$(BIN)/mutmut run
	$(BIN)/python tests/mutation.py

check: $(VENV)/.dev ## lint, spelling, format, import rules and type checks
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

house: $(VENV)/.dev ## measure the code's structure: sizes, types, docstrings, names used twice
	$(BIN)/python -m tests.house.measure

graph: $(VENV)/.dev ## draw the packages and their imports again
	$(BIN)/python -m tests.house.graph docs/img/rooms.svg

format: $(VENV)/.dev ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-tflite-runtime: ## run the tests on tflite-runtime instead of ai-edge-litert
ifeq ($(PYTHON_TFLITE),)
	@( echo "cannot run: tflite-runtime 2.14 needs Python 3.11, which is not installed"; exit 77 ) $(UNABLE)
else
	$(MAKE) $(VENV_TFLITE)/.test
	$(VENV_TFLITE)/bin/python -m pytest $(PARALLEL) $(ON_BOTH_RUNTIMES:%=tests/%) $(wildcard tests/test_*.py)
endif

# the release of Debian, and `promises` for what an owner does with the device alone (2 minutes)
SUITE ?= trixie
PART ?= all
test-service: | $(BIN)/python ## install the service in a container with Debian 13, break it, take it away (root, Debian, 4 minutes)
	@PYTHON=$(abspath $(BIN)/python) tests/service/container.sh $(SUITE) $(PART) $(UNABLE)

test-homeassistant: $(VENV)/.dev ## run the tests with Home Assistant, the least version and the newest (first time 10 minutes)
	@$(BIN)/python tests/homeassistant/versions.py $(VERSIONS) $(UNABLE)

test-brokers: $(VENV)/.dev ## send the feed through Mosquitto, a bridge, HAProxy, nginx, RabbitMQ and Aedes, those that are there
	FACE_EDGE_TEST_BROKERS=1 $(BIN)/python -m pytest tests/sinks/mqtt/brokers -n 0 -rs

drill: $(VENV)/.dev ## inject one fault into a device or its feed and count what is lost (NAME=kill ARGS="--json")
	$(BIN)/python -m tests.lab drill $(NAME) $(ARGS)

simulate: $(VENV)/.dev ## simulate many devices against a broker (ARGS="--broker mqtt://HOST --devices 100")
	$(BIN)/python -m tests.lab simulate $(ARGS)

scenes: $(VENV)/.dev ## measure face detectors on marked pictures of real rooms (DIR=folder)
	$(BIN)/python -m tests.lab scenes $(DIR) $(ARGS)

soak: $(VENV)/.dev ## a device under every flood that strangers can send, at once (SECONDS=600)
	$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),600) $(UNABLE)

audit: $(VENV)/.dev ## audit what the lock files pin: hashes, age, withdrawn releases, advisories (ADVISORIES=copy of OSV's)
	@$(BIN)/python -m tests.audit $(ADVISORIES:%=--advisories=%) $(UNABLE)

converter: $(VENV)/.converter ## install what training and conversion need (PyTorch, 2 GB)

docs: $(VENV)/.dev ## write the generated parts of the documentation again
	$(BIN)/python -m edge.cli.reference > docs/configuration.md
	$(BIN)/face-edge schema --yaml > docs/asyncapi.yaml
	$(BIN)/python -m edge.sinks.mqtt.asyncapi.page docs/mqtt.md
	$(BIN)/python -m edge.sinks.display.sheet docs/img/glyphs.png

site: $(VENV)/.dev ## build the documentation with its API pages into site/; a warning is an error (1 minute)
	$(BIN)/python -m tests.tools.site

sbom: $(VENV)/.dev ## list the packages of a device with their licences in dist/ (CycloneDX; Python 3.11 or 3.13, a network)
	$(BIN)/python -m tests.tools.release --inventory

release: $(VENV)/.dev ## build a release into dist/ from a clean tree (VERSION=1.2.0; REBUILD=1 for a version that is tagged)
	$(BIN)/python -m tests.tools.release $(VERSION) $(if $(REBUILD),--rebuild)

clean: ## remove the environments and caches
	rm -rf $(VENV) $(VENV_TFLITE) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist site

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "installing face-edge into $(VENV) (about a minute)"
	$(PIP) -e '.[broker,kiosk]'
	@touch $@

$(VENV)/.dev: pyproject.toml tests/requirements.txt | $(BIN)/python
	@echo "installing face-edge and its tests into $(VENV) (about two minutes)"
	$(PIP) --require-hashes -r tests/requirements.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo

$(VENV)/.mutation: pyproject.toml | $(VENV)/.dev
	$(PIP) -e '.[mutation]'
	@touch $@

$(VENV)/.converter: pyproject.toml converter/constraints.txt | $(BIN)/python
	$(PIP) -c converter/constraints.txt -e '.[dev,converter,backbones]'
	@touch $@ $(VENV)/.dev $(VENV)/.demo

$(VENV_TFLITE)/.test: pyproject.toml
	$(PYTHON_TFLITE) -m venv $(VENV_TFLITE)
	$(VENV_TFLITE)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test,tflite-runtime]'
	$(VENV_TFLITE)/bin/python -m pip uninstall --quiet --yes ai-edge-litert
	@touch $@
