# `make demo` and `make test` set everything up that they need; nothing but Python 3.11 or newer must be there before.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Each plugin is a distribution of its own, with tests of its own.
WEB := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/src/paraglide/*' -not -path '*/cache/*')
PLUGINS := plugins/mikrotik plugins/nftables plugins/notify plugins/olt plugins/radius

# Two at a time: Python's packages beside the web app's, one check beside another.
MAKEFLAGS += --jobs=2

# Tests start hundreds of processes of ours, so modules are compiled once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup web demo cluster run test check lint style types imports web-check schema-check bench campaign chaos soak mutants graphiql reference pictures release clean
setup: .venv/.dev .venv/.web

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "SeBilling needs Python 3.11 or newer: set PYTHON=…")'
	@$(PYTHON) -m venv .venv
	@touch $@

# Modules are compiled when they are first imported: most never are, and compiling all takes a third of the installation.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.venv/.run: .venv/.made requirements.lock pyproject.toml $(PLUGINS:=/pyproject.toml)
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable . $(addprefix --editable ,$(PLUGINS))
	@touch $@

.venv/.dev: .venv/.run requirements-dev.lock
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

# The web admin and the collector's app; SEBILLING_NO_WEB=1 leaves it out.
web: .venv/.web

.venv/.web: .venv/.made tools/web.py docs/web.md docs/phone.md schema.graphql $(WEB)
	@$(BIN)/python tools/web.py build
	@touch $@

demo: .venv/.run .venv/.web
	@$(BIN)/sebilling demo $(ARGS)

# Three PostgreSQL servers, three servers and two workers on this machine, of Debian's packages; ARGS=--help tells more.
cluster: .venv/.run .venv/.web
	@$(BIN)/python -m tools.cluster $(ARGS)

run: .venv/.run .venv/.web
	@$(BIN)/sebilling serve $(ARGS)

# Every test, of the core and the plugins; `make test ARGS="tests/billing -k refund"` or `ARGS=plugins/radius` runs a part.
# conftest.py shares them among processes; ARGS=--numprocesses=0 runs them in one, where they can be debugged.
test: .venv/.dev .venv/.web
	@$(BIN)/python -m pytest -c pyproject.toml --numprocesses=auto $(ARGS)

# Every check; `make lint` is the part that looks at Python alone.
check: lint web-check schema-check

lint: style types imports

style: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy
	for plugin in $(PLUGINS); do (cd $$plugin && ../../$(BIN)/mypy) || exit 1; done

imports: .venv/.dev
	$(BIN)/lint-imports

web-check: .venv/.dev .venv/.web
	$(BIN)/python tools/web.py check

schema-check: .venv/.dev
	$(BIN)/sebilling schema | diff - schema.graphql
	$(BIN)/sebilling schema --sql | diff - schema.sql
	$(BIN)/sebilling schema --compare docs/api/released.graphql --accepted docs/api/accepted_changes.txt

# The pictures of the README, as the test of the month takes them; needs chromium.
pictures: .venv/.dev .venv/.web
	$(BIN)/python -m pytest -c pyproject.toml --numprocesses=0 -q 'tests/web/test_month.py::test_the_month[id]'
	for name in 2-generate-pembayaran 5-bayar 6-dashboard; do cp var/pictures/$$name.png docs/pictures/; done
	$(BIN)/python tools/film_strip.py

# Wheels, bills of materials, licences and sums in dist/, from the last commit; ARGS="--key FILE" signs them.
release: .venv/.dev
	@$(BIN)/python -m tools.release $(ARGS)

# docs/api/ from the schema; tests/schema/test_reference.py fails if it is not current.
reference: .venv/.dev
	@$(BIN)/python tools/reference.py

bench: .venv/.dev
	@$(BIN)/python -m bench $(ARGS)

# `make campaign ARGS=money` runs the tests of tests/money at full size; without ARGS every campaign.
campaign: .venv/.dev .venv/.web
	SEBILLING_TEST_CRASH_CUSTOMERS=100000 SEBILLING_TEST_CRASH_KILLS=20 SEBILLING_TEST_MACHINE_RUNS=500 SEBILLING_TEST_MACHINE_WHOLE_EVERY=1 SEBILLING_TEST_OPERATIONS=200000 SEBILLING_TEST_ROUNDS=20 SEBILLING_TEST_RADIUS_EVERY=1 \
	SEBILLING_TEST_ISOLATION_SEEDS=300 SEBILLING_TEST_LOOKS_ACCESSES=10000 SEBILLING_TEST_RECOVERED=1000 SEBILLING_TEST_AUDITED=5000 SEBILLING_TEST_SPEEDS=5000 SEBILLING_TEST_ROUTER_SPEEDS=5000 SEBILLING_TEST_FORETOLD_EXAMPLES=400 SEBILLING_TEST_IMPORTS_BESIDE=60000 SEBILLING_TEST_PHONE_SEEDS=50 SEBILLING_TEST_COLLECTOR_SEEDS=30 SEBILLING_TEST_CAMPAIGN=1 \
	SEBILLING_TEST_FUZZ_DOCUMENTS=10000 SEBILLING_TEST_FUZZ_ARGUMENTS=20000 SEBILLING_TEST_LIVE_SECONDS=300 SEBILLING_TEST_SPREADSHEETS=10000 SEBILLING_TEST_PEERS_CUSTOMERS=500 SEBILLING_TEST_FAILOVERS=20 SEBILLING_TEST_LOST_MACHINE_SECONDS=30 \
	$(BIN)/python -m pytest -s $(addprefix tests/,$(or $(ARGS),billing/test_foretold.py crash concurrency money isolation phone fuzz live imports storage web operation)) $(if $(ARGS),,plugins/radius/tests/test_faults.py)

# Half an hour of faults under payments, on a cluster with a simulated router; needs Debian's packages, as `make cluster` does.
chaos: .venv/.dev .venv/.web
	SEBILLING_TEST_CHAOS_SECONDS=$${SEBILLING_TEST_CHAOS_SECONDS:-1800} $(BIN)/python -m pytest -c pyproject.toml --numprocesses=0 -q -s tests/operation/test_chaos.py $(ARGS)

# Two hours of ordinary work: memory, descriptors and the time of a payment stay as they are.
soak: .venv/.dev .venv/.web
	SEBILLING_TEST_SOAK_SECONDS=$${SEBILLING_TEST_SOAK_SECONDS:-7200} $(BIN)/python -m pytest -c pyproject.toml --numprocesses=0 -q -s tests/operation/test_soak.py $(ARGS)

mutants: .venv/.dev
	$(BIN)/python -m tests.mutants $(ARGS)

# Fetches GraphiQL's files again and checks them against their pins; needs npm.
graphiql:
	tools/graphiql.sh

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
