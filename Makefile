# Everything is made from here: `make demo` to try it, `make test` to prove it. See README.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := config/requirements/development.txt
# One more than the cores of the smallest machine: a test also waits, for a mail, a process, a deadline.
WORKERS ?= 3

.PHONY: help docs install system demo test chaos page-times attacks faults soak conformance conformance-peer lint format types screens bench bench-import lock sbom audit try-install clean

help:  ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

install: $(VENV)/.installed  ## Make .venv from pinned, hashed requirements; leaves .venv/bin/idp

$(VENV)/.installed: $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q idp  # else each command compiles its modules anew where PYTHONDONTWRITEBYTECODE is set
	@touch $@

system:  ## Install Chromium, PostgreSQL's programs and npm for the tests, where they are missing and may be installed
	@sh config/install-test-programs.sh

demo: install  ## Run the whole thing here: provider, mailbox, three portals
	@$(BIN)/idp demo $(DEMO)

test: install system lint types  ## The gate: format, lint, types, import direction, all tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

chaos: install system  ## People who do anything, by seed: SEEDS=1000 FROM=200, CHROMIUM=20
	@CHAOS_SEEDS=$(or $(SEEDS),200) CHAOS_FROM=$(or $(FROM),0) CHAOS_CHROMIUM=$(or $(CHROMIUM),0) \
	  $(BIN)/python -m pytest tests/chaos -n $(WORKERS) --dist worksteal

page-times: install system  ## How many milliseconds the server takes for each page; the goal is 30
	@$(BIN)/python -m tests.web.times

soak: install system  ## Months pass under load, MINUTES=60: tables, memory, descriptors and connections find a bound
	@$(BIN)/python -m tests.operations.soak $(or $(MINUTES),60)

attacks: install system  ## The known attacks by number, against the started service behind nginx, with a table
	@ATTACKS_TARGET=nginx $(BIN)/python -m pytest tests -m attack -n $(WORKERS) --dist worksteal

faults: install system  ## What dies, hangs or fills up, at length, with a table: SECONDS=60 of load a test, ROUNDS=200 of each race
	@FAULTS_SECONDS=$(or $(SECONDS),60) FAULTS_ROUNDS=$(or $(ROUNDS),200) FAULTS_CONNECTIONS=10000 FAULTS_RELOADS=20 \
	  $(BIN)/python -m pytest tests -m fault -n $(WORKERS) --dist worksteal

lint: install
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types: install
	@$(BIN)/mypy

format: install  ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

screens: install system  ## Write the screenshots of docs/screens again
	@IDP_SCREENS=1 $(BIN)/python -m pytest tests/browser/test_documentation.py -n $(WORKERS)

conformance: install system  ## Every plan of the OpenID Foundation against our provider, on both databases; a table at the end
	@$(BIN)/python -m pytest tests/conformance -n $(WORKERS) --dist worksteal
	@CONFORMANCE_DATABASE=postgresql $(BIN)/python -m pytest tests/conformance -n $(WORKERS) --dist worksteal

conformance-peer: install system  ## The same against the certified npm package, which shows that the tests are right
	@CONFORMANCE_TARGET=oidc_provider $(BIN)/python -m pytest tests/conformance -n $(WORKERS) --dist worksteal
	@CONFORMANCE_TARGET=oidc_provider_6 $(BIN)/python -m pytest tests/conformance -n $(WORKERS) --dist worksteal

bench: install system  ## Measure it here, beside the peer: SCENARIOS=refresh,userinfo SECONDS=3 REPEAT=3 PEOPLE=1000 OPTIONS=--no-peer
	@$(BIN)/python -m tests.bench --scenarios "$(SCENARIOS)" --databases "$(DATABASES)" --seconds $(or $(SECONDS),5) \
	  --repeat $(or $(REPEAT),3) --people $(or $(PEOPLE),1000) $(OPTIONS)
	@test -n "$(SCENARIOS)" || $(BIN)/python -m tests.bench --scenarios password --databases postgresql --cost 4 \
	  --name password-without-hash --seconds $(or $(SECONDS),5) --repeat $(or $(REPEAT),3) $(OPTIONS)

bench-import: install system  ## How fast letters are imported, on both databases: LINES=100000
	@$(BIN)/python -m tests.bench.importing --lines $(or $(LINES),100000)

docs: install  ## Write docs/settings.md, docs/errors.md and config/conformance/*.json again from the code
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m tests.conformance.configurations

lock: install  ## Resolve the requirements anew
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-header \
	  --quiet -o $(LOCK)
	@$(BIN)/uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes --no-header \
	  -c $(LOCK) --quiet -o config/requirements/production.txt
	@$(BIN)/uv pip compile pyproject.toml --extra build --extra valkey --extra opentelemetry --universal --python-version 3.11 \
	  --generate-hashes --no-header -c $(LOCK) --quiet -o config/requirements/extras.txt

# Tools that are no part of the program nor of its tests, and want other versions of libraries than these do.
.tools/.installed:
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7' 'pip-audit>=2'
	@touch $@

sbom: .tools/.installed  ## Write sbom.json (CycloneDX) from the pinned requirements; needs no network once the tool is here
	@.tools/bin/cyclonedx-py requirements config/requirements/production.txt --pyproject pyproject.toml \
	  --output-reproducible --of JSON -o sbom.json
	@echo "sbom.json: $$(grep -c '"purl"' sbom.json) components"

audit: .tools/.installed  ## Known vulnerabilities of the pinned requirements; fails where the service that knows them is out of reach
	@.tools/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r config/requirements/extras.txt \
	  || { echo "audit: a requirement has a known vulnerability, or could not be looked up: see above; nothing was proven"; exit 1; }

try-install:  ## Install on a clean Debian in a folder, with the two commands of docs/operating.md (root, debootstrap, minutes)
	@sh config/try-install.sh

clean:  ## Remove what was made
	@rm -rf $(VENV) .tools sbom.json .demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info
