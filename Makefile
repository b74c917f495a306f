# All commands for developers. Each target installs its requirements. `make` lists the targets.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

AIRFLOW_VERSION ?= 3.3.2
# Each version has a constraint file with the newest packages at this date, some days after the release.
VERSIONS ?= 3.1 3.2
RELEASES := 3.1.8=2026-03-20 3.2.2=2026-06-01
PYTHON ?= python3
PORT ?= 8080
DIR ?=
ALL ?=
RINGS ?=
PROGRAMS ?= 2000
MINUTES ?= 60
SEED ?=
SIZE ?=
# The number of processes for tests that start no separate Airflow. Each process has its own database. The tests
# against a running Airflow have one more process, because they wait for half of their time.
PROCESSES ?= 2
ARGS ?=

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
READY := .venv/.ready
HOMES := $(CURDIR)/.airflow
WHEEL_TOOLS := build/wheel-tools
DOCS_TOOLS := build/docs-tools
WHEEL_TEST := $(CURDIR)/build/wheel-test

# Settings in the user's shell for another Airflow must not affect the Airflow started here.
unexport $(filter AIRFLOW__%,$(.VARIABLES)) PYTHONPATH
# Every Airflow process imports about 1,300 modules. Without compiled modules, it takes three times as long to start.
unexport PYTHONDONTWRITEBYTECODE
export AIRFLOW_HOME := $(HOMES)/tools
export AIRFLOW__CORE__LOAD_EXAMPLES := False

step = @printf '\033[1m==> %s\033[0m\n' '$(1)'
# uv is many times faster than pip, but does not read pip's configuration. If uv fails, pip may succeed.
environment = $(PYTHON) -m venv "$(1)" && \
	{ "$(1)/bin/python" -m pip install --disable-pip-version-check --quiet --constraint constraints.txt uv || true; }
install = "$(1)/bin/uv" pip install --python "$(1)/bin/python" --compile-bytecode $(2) || { \
	printf 'uv failed. Trying pip, which takes a few minutes.\n'; \
	"$(1)/bin/python" -m pip install --disable-pip-version-check $(2); }

# One process runs all tests of a file, because they often share fixtures. tests/conftest.py puts long files first.
spread = --numprocesses $(1) --dist loadfile --no-loadscope-reorder
shared = $(call spread,$(PROCESSES))
of_seed = $(if $(SEED),--seed $(SEED))
# Plain functions, single tasks, and the Dag runs that show the most.
QUICK := tests/pure tests/task $(addprefix tests/dag/,test_map.py test_collect.py test_labels.py test_workflows.py)

.PHONY: help
help: ## Show this list
	@printf 'make TARGET [VARIABLE=value]\n\n'
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@printf '\n  PYTHON=python3.12 chooses the interpreter of a new environment (now: %s).\n' '$(PYTHON)'
	@printf '  ARGS="-k label -x" is passed on to pytest.\n'

$(READY): constraints.txt pyproject.toml
	$(call step,Creating .venv with $(PYTHON))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed; name one by PYTHON=")'
	@$(call environment,$(VENV))
	$(call step,Installing Airflow $(AIRFLOW_VERSION) and the tools (about 150 packages))
	@$(call install,$(VENV),--requirement constraints.txt)
	$(call step,Installing this package in editable form)
	@$(call install,$(VENV),--no-deps --no-build-isolation --editable .)
	@touch $@

.PHONY: demo
demo: export AIRFLOW_HOME := $(HOMES)/demo
demo: $(READY) ## Run an example on the standard library, or on DIR=/some/where (ALL=1: print all keys)
	$(call step,Running dags/process_directory.py in an embedded Airflow)
	@DYNAMIC_OUTPUTS_ALL_KEYS="$(ALL)" "$(BIN)/python" dags/process_directory.py $(if $(DIR),"$(DIR)")

.PHONY: test test-quick test-pure test-browser test-contract test-task test-dag test-differential test-live
test: $(READY) ## Run all tests except test-celery, in PROCESSES=2 and one for those against a running Airflow
	@"$(BIN)/python" -m pytest -m "not celery" $(call spread,$(shell expr $(PROCESSES) + 1)) $(of_seed) $(ARGS)

test-quick: $(READY) ## Run the tests that find most mistakes, in under three minutes
	@"$(BIN)/python" -m pytest $(QUICK) $(shared) $(ARGS)

test-pure: $(READY) ## Run the tests without Airflow (seconds)
test-browser: $(READY) ## Run the tests of the pages' JavaScript in a Chromium (installed by apt-get, as root)
test-contract: $(READY) ## Run the tests of the assumptions about Airflow
test-task: $(READY) ## Run the tests of single tasks, in Airflow's own task runner
test-dag: $(READY) ## Run the tests of whole Dag runs, in one process
test-differential: $(READY) ## Run random programs, some of them fresh (SEED=), and compare them with the expected results
test-live: $(READY) ## Run the tests against a real scheduler, API server and executor
test-pure test-browser test-contract test-task test-dag test-differential test-live:
	@"$(BIN)/python" -m pytest -m $(@:test-%=%) $(if $(filter test-dag test-differential,$@),$(shared)) $(of_seed) $(ARGS)

FLYTE := $(HOMES)/flyte
.PHONY: test-flyte test-flyte-live flyte-expected
test-flyte: $(READY) $(FLYTE)/.ready ## Run the programs of tests/flyte with flytekit, as Dags and on a real Airflow, and compare
	$(call step,flytekit)
	@PYTHONPATH=. "$(FLYTE)/bin/python" -m tests.flyte.oracle tests/flyte/expected.json --check
	@PYTHONPATH=. "$(FLYTE)/bin/python" -m tests.flyte.check_pods
	@PYTHONPATH=".:$(FLYTE)/providers" "$(BIN)/python" -m tests.flyte.check_containers
	@FLYTE_PROGRAMS=all PYTHONPATH="$(FLYTE)/frames" "$(BIN)/python" -m pytest tests/flyte/test_programs.py \
		$(shared) $(ARGS)
	@$(call flyte_live,first)

# Many runs at the same time would wait for the lock of SQLite.
flyte_live = FLYTE_PROGRAMS=$(1) LIVE_DATABASE=postgresql \
	"$(BIN)/python" -m pytest tests/live/test_flyte_programs.py $(ARGS)

test-flyte-live: PROGRAMS := all
test-flyte-live: $(READY) ## Run PROGRAMS=all (or their names) of tests/flyte on a real Airflow, each task in its own process
	@$(call flyte_live,$(PROGRAMS))

flyte-expected: $(FLYTE)/.ready ## Store what flytekit gives for the programs of tests/flyte
	@PYTHONPATH=. "$(FLYTE)/bin/python" -m tests.flyte.oracle tests/flyte/expected.json

# flytekit and Airflow need different versions of the same packages.
$(FLYTE)/.ready: tests/flyte/constraints.txt tests/flyte/providers.txt
	$(call step,Installing flytekit into an environment of its own)
	@$(call environment,$(FLYTE))
	@$(call install,$(FLYTE),--requirement tests/flyte/constraints.txt)
	@# For the Dags that pass tables: what Airflow does not bring.
	@$(call install,$(FLYTE),--no-deps --target "$(FLYTE)/frames" \
		$$(grep -E '^(numpy|pandas|pyarrow)==' tests/flyte/constraints.txt))
	@# For the operators of containers, beside the packages of .venv.
	@$(call install,$(FLYTE),--no-deps --target "$(FLYTE)/providers" --requirement tests/flyte/providers.txt)
	@touch $@

DAGSTER := $(HOMES)/dagster
.PHONY: test-dagster dagster-expected
test-dagster: $(DAGSTER)/.ready ## Run the programs of tests/dagster with Dagster, and compare the stored outcomes
	$(call step,Dagster)
	@PYTHONPATH=. "$(DAGSTER)/bin/python" -m tests.dagster.oracle tests/dagster/expected.json --check
	@PYTHONPATH=. "$(DAGSTER)/bin/python" -m tests.dagster.signatures tests/dagster/signatures.json --check

dagster-expected: $(DAGSTER)/.ready ## Store what Dagster gives for the programs of tests/dagster
	@PYTHONPATH=. "$(DAGSTER)/bin/python" -m tests.dagster.oracle tests/dagster/expected.json
	@PYTHONPATH=. "$(DAGSTER)/bin/python" -m tests.dagster.signatures tests/dagster/signatures.json

$(DAGSTER)/.ready: tests/dagster/constraints.txt
	$(call step,Installing Dagster into an environment of its own)
	@$(call environment,$(DAGSTER))
	@$(call install,$(DAGSTER),--requirement tests/dagster/constraints.txt)
	@touch $@

RAY := $(HOMES)/ray
.PHONY: test-ray
test-ray: $(RAY)/.ready ## Run the tests of batches on Ray
	$(call step,Ray)
	@PYTHONPATH=. "$(RAY)/bin/python" -m pytest tests/dag/test_batches_runners.py -k Ray $(ARGS)

# Ray needs 240 MB, and no other test needs it. The rest is that of .venv.
$(RAY)/.ready: tests/ray-constraints.txt $(READY)
	$(call step,Installing Ray into an environment of its own)
	@$(call environment,$(RAY))
	@$(call install,$(RAY),--constraint constraints.txt --requirement tests/ray-constraints.txt)
	@"$(BIN)/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
		"$$("$(RAY)/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/venv.pth"
	@touch $@

.PHONY: test-celery
test-celery: $(READY) ## Run the deployment of docker/compose.yaml while its parts fail (an hour; Redis as root)
	@"$(BIN)/python" -m pytest -m celery -rA $(ARGS)

.PHONY: fuzz fuzz-workflows
fuzz: $(READY) ## Run PROGRAMS=2000 more random programs for at most MINUTES=60
fuzz-workflows: $(READY) ## Run random workflow bodies in the same way
fuzz fuzz-workflows:
	@"$(BIN)/python" -m tests.differential.fuzz --programs $(PROGRAMS) --minutes $(MINUTES) \
		$(if $(SEED),--seed $(SEED)) $(if $(SIZE),--size $(SIZE)) $(if $(findstring workflows,$@),--workflows)

.PHONY: test-versions
test-versions: ## Run the tests that need Airflow on older versions (VERSIONS="3.1 3.2")
	@PYTHON="$(PYTHON)" tests/versions.sh $(VERSIONS) -- $(ARGS)

.PHONY: canary
canary: ## Run these tests on the newest Airflow or pre-release, and report broken assumptions (RINGS=contract)
	@PYTHON="$(PYTHON)" tests/canary.sh $(RINGS) -- $(ARGS)

.PHONY: ui
ui: $(READY) ## Start Airflow with the examples at http://127.0.0.1:PORT (8080); Ctrl-C stops it
	@exec "$(BIN)/python" -m tests.live.local_airflow --home "$(HOMES)/ui" --dags dags --port $(PORT)

$(DOCS_TOOLS)/.ready: docs/requirements.txt constraints.txt
	$(call step,Installing Sphinx)
	@$(call environment,$(CURDIR)/$(DOCS_TOOLS))
	@$(call install,$(CURDIR)/$(DOCS_TOOLS),--requirement docs/requirements.txt)
	@touch $@

.PHONY: docs
docs: $(DOCS_TOOLS)/.ready ## Build the documentation as a site in build/docs; a broken link is an error
	$(call step,Building build/docs/index.html)
	@"$(DOCS_TOOLS)/bin/sphinx-build" --quiet --fail-on-warning --keep-going --nitpicky -b html docs build/docs

.PHONY: pictures
pictures: $(READY) ## Take the screenshots of the pages in docs/images
	@"$(BIN)/python" -m pytest tests/live/test_pages.py --pictures docs/images

.PHONY: ui-build ui-types ui-check
# Needed only for new versions of the libraries: the built files are in the repository and in the wheel.
ui-build: frontend/node_modules ## Build the libraries of the pages (needs Node.js)
	$(call step,Building airflow_dynamic_provider/ui/static/vendor)
	@cd frontend && npm run --silent build

ui-types: $(READY) frontend/node_modules ## Write the types of what the pages' server answers (needs Node.js)
	$(call step,Writing frontend/openapi.json and frontend/wire.d.ts)
	@"$(BIN)/python" frontend/make_openapi.py
	@cd frontend && npm run --silent types

ui-check: frontend/node_modules ## Check the types of the pages' JavaScript (needs Node.js)
	$(call step,The types of what the server answers; tsc --checkJs --strict)
	@cd frontend && npm run --silent check

frontend/node_modules: frontend/package.json frontend/package-lock.json
	$(call step,Installing the tools that build the libraries)
	@cd frontend && npm ci --no-audit --no-fund
	@touch $@

.PHONY: check
check: $(READY) ## Check style, format and types
	$(call step,ruff check)
	@"$(BIN)/ruff" check .
	$(call step,ruff format --check)
	@"$(BIN)/ruff" format --check .
	$(call step,mypy --strict)
	@"$(BIN)/mypy" --strict airflow_dynamic_provider tests/live/*.py tests/live/postgres/*.py tests/celery/*.py

.PHONY: format
format: $(READY) ## Format the code and fix what ruff can fix
	@"$(BIN)/ruff" check --fix-only .
	@"$(BIN)/ruff" format .

.PHONY: bench
bench: $(READY) ## Measure the cost of the package, beside Airflow without it (DEFAULTS=1: Airflow's own settings)
	$(call step,Import time)
	@"$(BIN)/python" benchmarks/import_time.py
	$(call step,What a key costs beside the same work by hand)
	@"$(BIN)/python" benchmarks/keys.py
	$(call step,Many keys in batches)
	@"$(BIN)/python" -m benchmarks.batches
	$(call step,Memory of a collector)
	@"$(BIN)/python" benchmarks/collect_memory.py
	$(call step,Workflows beside the same work by hand)
	@"$(BIN)/python" benchmarks/workflows.py $(if $(DEFAULTS),--defaults)
	$(call step,Other triggers beside waiting workflows)
	@"$(BIN)/python" benchmarks/triggerer.py
	$(call step,The answers of the pages for 100000 keys and for 50 tasks (PostgreSQL))
	@"$(BIN)/python" benchmarks/pages.py

# A wheel needs neither Airflow nor the tools of the tests.
$(WHEEL_TOOLS)/.ready: constraints.txt
	$(call step,Installing hatchling)
	@$(call environment,$(CURDIR)/$(WHEEL_TOOLS))
	@$(call install,$(CURDIR)/$(WHEEL_TOOLS),--constraint constraints.txt hatchling)
	@touch $@

.PHONY: wheel
wheel: $(WHEEL_TOOLS)/.ready ## Build the wheel into dist/ (PROJECT_URL=: where its links lead on a package index)
	$(call step,Building the wheel)
	@rm -rf dist
	@"$(WHEEL_TOOLS)/bin/python" -m hatchling build --target wheel --directory dist

.PHONY: wheel-test
wheel-test: export AIRFLOW_HOME := $(WHEEL_TEST)/airflow
wheel-test: wheel ## Try the wheel in a fresh environment with Airflow only
	$(call step,Installing the wheel and Airflow $(AIRFLOW_VERSION) into a fresh environment)
	@rm -rf "$(WHEEL_TEST)"
	@$(call environment,$(WHEEL_TEST)/venv)
	@$(call install,$(WHEEL_TEST)/venv,--constraint constraints.txt apache-airflow==$(AIRFLOW_VERSION) dist/*.whl)
	$(call step,Airflow lists the provider)
	@cd "$(WHEEL_TEST)" && venv/bin/airflow providers list --output plain | grep airflow-dynamic-provider
	$(call step,Airflow resolves @task.dynamic)
	@cd "$(WHEEL_TEST)" && venv/bin/python -c 'from airflow.sdk import task; print(task.dynamic)'
	$(call step,Airflow loads the pages)
	@cd "$(WHEEL_TEST)" && venv/bin/airflow plugins --output plain 2>/dev/null | grep -o '^dynamic_outputs'
	@cd "$(WHEEL_TEST)" && venv/bin/python -c \
		'from airflow_dynamic_provider.ui.assets import STATIC; print(STATIC.joinpath("vendor/VERSIONS").read_text())'
	@for file in dags/*.py; do \
		printf '\033[1m==> %s is imported\033[0m\n' "$$file"; \
		"$(WHEEL_TEST)/venv/bin/python" -c 'import runpy, sys; runpy.run_path(sys.argv[1])' "$$file"; \
	done
	$(call step,dags/process_directory.py runs by itself)
	@env -u AIRFLOW_HOME HOME="$(WHEEL_TEST)" \
		"$(WHEEL_TEST)/venv/bin/python" dags/process_directory.py airflow_dynamic_provider/definitions

.PHONY: image-test
image-test: wheel ## Build the container image and try it (needs root)
	@bash docker/image-test.sh dist/*.whl

# $(1): version of Airflow, $(2): constraint file, $(3): further arguments
resolve = printf '%s\n' apache-airflow==$(1) hatchling editables uv | \
	"$(BIN)/uv" pip compile --quiet --upgrade --universal --python-version 3.10 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	--group pyproject.toml:dev --output-file $(2) $(3) -

.PHONY: constraints constraints-older
constraints: ## Resolve the newest versions of all packages for Python 3.10 to 3.13
	$(call step,Resolving)
	@test -x "$(BIN)/uv" || { $(call environment,$(VENV)); }
	@$(call resolve,$(AIRFLOW_VERSION),constraints.txt)

# Airflow does not limit the versions of all its dependencies: with later ones, an older Airflow may not even start.
constraints-older: ## Resolve the packages for older Airflows: the newest versions at their release
	$(call step,Resolving)
	@test -x "$(BIN)/uv" || { $(call environment,$(VENV)); }
	@for release in $(RELEASES); do \
		version="$${release%=*}"; \
		$(call resolve,$$version,"constraints-$${version%.*}.txt",--exclude-newer "$${release#*=}"); \
	done

.PHONY: clean
clean: ## Remove all generated files and environments
	@rm -rf .venv .airflow .fuzz build dist frontend/node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
