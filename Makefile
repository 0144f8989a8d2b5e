# Cerbère's workshop: `make help` lists the commands. Nothing is needed but Python 3.11, make and a network.

PYTHON3 ?= python3
PORT ?= 8000
PIAG_PORT ?= 8001
DEMO_DIR ?= .demo
export PYTHON3 PORT PIAG_PORT DEMO_DIR

# Per cent of lines and branches of the product, on both databases and in the browser together.
COVERAGE_MINIMUM := 98
START := $(shell date +%s)
PYTHON := .venv/bin/python
UV := .venv/bin/uv
PYTEST := $(PYTHON) -m pytest
FAST := not browser and not postgresql
# What does not touch the suite's database need not run on the second one.
WITHOUT_DATABASE := --ignore=tests/piag_gateway --ignore=tests/serving --ignore=tests/twofactor/sources/network \
	--ignore=tests/demo/test_run.py --ignore=tests/provider/authorization/test_policy.py
PACKAGES := cerbere accounts twofactor piag_gateway
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard cerbere/locale/*/LC_MESSAGES/*.po))
BUNDLE := static/build/dsfr.css
NODE_CLIENT := tests/clients/openid_client/node_modules/.package-lock.json
STATIC := staticfiles/staticfiles.json

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help run manage demo-code test fast check format messages lock assets clean machine-run machine-test

help: ## Lists these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

# --- The demo ----------------------------------------------------------------------------------------

run: .venv/.run assets ## Starts Cerbère and PIAG with demo data (PORT, PIAG_PORT, DEMO_DIR, DEMO_PASSWORD)
	@exec .ci/foreground $(PYTHON) -m cerbere.demo run

manage: .venv/.run ## Runs manage.py with the demo's settings: make manage CMD="register_client …"
	@exec $(PYTHON) -m cerbere.demo manage $(CMD)

demo-code: .venv/.run ## Prints the code that this agent's phone shows now: make demo-code LOGIN=agent.bnum
	@exec $(PYTHON) -m cerbere.demo manage demo_code $(LOGIN)

# --- Tests -------------------------------------------------------------------------------------------

test: machine-test check assets $(NODE_CLIENT) ## Checks, then the whole suite: SQLite, PostgreSQL, browser
	@rm -f .coverage .coverage.*
	@exec env COVERAGE_FILE=.coverage.sqlite $(PYTEST) -m "$(FAST)" -n auto --cov --cov-report=
	@exec env COVERAGE_FILE=.coverage.postgresql $(PYTHON) -m tests.support.servers.postgresql -- \
		$(PYTEST) -m "not browser" -n auto --cov --cov-report= $(WITHOUT_DATABASE)
	@exec env COVERAGE_FILE=.coverage.browser $(PYTHON) -m tests.support.servers.postgresql -- \
		$(PYTEST) -m browser -n 2 --cov --cov-report=
	@$(PYTHON) -m coverage combine --quiet --keep
	@$(PYTHON) -m coverage report --skip-covered --show-missing --fail-under=$(COVERAGE_MINIMUM)
	@echo "make test: $$(( $$(date +%s) - $(START) )) s"

fast: .venv/.dev assets $(NODE_CLIENT) ## The tests that need neither browser nor PostgreSQL (ARGS="-k code")
	@exec $(PYTEST) -m "$(FAST)" -n auto $(ARGS)

check: .venv/.dev ## Style, types, imports between packages, missing migrations
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m mypy $(PACKAGES)
	@.venv/bin/lint-imports
	@DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py makemigrations --check --dry-run
	@DJANGO_SETTINGS_MODULE=piag_gateway.settings PIAG_SECRET_KEY=$(START)-only-to-compare-the-migrations \
		PIAG_OIDC_CLIENT_SECRET=unused $(PYTHON) manage.py makemigrations --check --dry-run

format: .venv/.dev ## Puts the code in shape
	@$(PYTHON) -m ruff check --fix --quiet .
	@$(PYTHON) -m ruff format --quiet .

# --- What is made from the sources --------------------------------------------------------------------

messages: .venv/.dev machine-run ## Collects the sentences to translate in cerbere/locale
	@DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py makemessages --locale en --no-obsolete \
		--add-location file --ignore .venv --ignore staticfiles

lock: $(UV) ## Locks the dependencies (ARGS="--upgrade")
	@.ci/lock $(ARGS)

assets: $(CATALOGUES) $(STATIC) # translations, style sheet, static files under hashed names

# A certified client that the tests drive; Node is never part of the product.
$(NODE_CLIENT): tests/clients/openid_client/package-lock.json | machine-test
	@npm ci --prefix tests/clients/openid_client --ignore-scripts --no-audit --no-fund --silent
	@touch $@

%.mo: %.po | machine-run
	@msgfmt --check -o $@ $<

$(BUNDLE): .venv/.run $(wildcard cerbere/portal/management/commands/cerbere_bundle.py)
	@env -u DJANGO_SETTINGS_MODULE $(PYTHON) manage.py cerbere_bundle >/dev/null
	@touch $@

$(STATIC): $(BUNDLE) $(wildcard static/cerbere/*)
	@env -u DJANGO_SETTINGS_MODULE $(PYTHON) manage.py collectstatic --noinput --clear --verbosity 0

machine-run machine-test: machine-%:
	@.ci/setup $*

$(UV): .ci/uv.txt | machine-run
	@echo "cerbere: making .venv" >&2
	@$(PYTHON3) -m venv .venv
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/uv.txt
	@touch $@

# The lock names no address, so uv installs from an export of it (docs/decisions/0010-lock-without-addresses.md).
# LDAP=1 adds what a directory needs, compiled here.
# A stamp is newer than the lock that is installed; the developers' set contains the demo's and is never shrunk.
.venv/.run .venv/.dev: uv.lock pyproject.toml $(UV)
	@$(UV) export --quiet --frozen --no-emit-project \
		$(if $(filter %.dev,$@ $(wildcard .venv/.dev)),--all-extras,--no-dev $(if $(LDAP),--extra ldap)) \
		-o .venv/requirements.txt
	@$(UV) pip sync --quiet --python $(PYTHON) --require-hashes .venv/requirements.txt
	@touch .venv/.run $(wildcard .venv/.dev) $@

.venv/.dev: | machine-test # which has what the directory's library is compiled with

clean: ## Removes everything that these commands made, the demo's data included
	@rm -rf .venv .demo static/build staticfiles .coverage .coverage.* htmlcov artifacts $(CATALOGUES)
	@rm -rf $(dir $(NODE_CLIENT))
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
