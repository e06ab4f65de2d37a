# The two commands that matter are `make run` and `make test`; `make help` lists all.
PORT ?= 8000
PROCESSORS ?= 4
WEB_PROCESSES ?= 1
PYTHON ?= python3
BIN = .venv/bin
# A lock file has all that is needed. Without --no-deps, pip may refuse it once there is a newer release of a package that
# another one needs with extras.
INSTALL = -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r
PYTEST = -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder
# What another project relies on, with its user model: UUID keys and log-in by e-mail (tests/host/).
HOST_TESTS = tests/host tests/lifecycle tests/snapshots tests/policy/test_preview.py tests/api/test_api.py \
    tests/api/test_submission.py tests/events/test_hub.py --ignore=tests/lifecycle/test_agreement.py \
    --ignore=tests/lifecycle/test_interleavings.py
# For checks that read the settings only: there is no such database, and none is asked.
SETTINGS = SECRET_KEY=for-checks-only-which-read-the-settings-and-sign-nothing ALLOWED_HOSTS=localhost \
    DATABASE_URL=postgresql://check@/check?host=/nonexistent
TWINE = 7.0.0
export PORT PROCESSORS WEB_PROCESSES

.DEFAULT_GOAL := help
.PHONY: help run demo stop test quick coverage check messages docs wheel client conformance release-check check-deploy screenshots format lock clean

help: ## List these targets
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: .venv/run.done ## Set everything up and run the site (PORT=8000 PROCESSORS=4 WEB_PROCESSES=1); Ctrl-C stops it
	@exec $(BIN)/python -m jobsite.up --end-with-parent

demo: .venv/run.done ## The same, with a small log of an office day replayed into it
	@exec $(BIN)/python -m jobsite.up --end-with-parent --demo

stop: .venv/run.done ## Stop the site, and what an earlier start of it left behind
	@exec $(BIN)/python -m jobsite.down

test: .venv/dev.done check ## Set everything up, then all checks and tests, the browser included
	@sh tools/browser.sh chromium
	@sh tools/browser.sh firefox-esr --optional
	$(BIN)/python $(PYTEST)
	$(BIN)/python $(PYTEST) --ds=tests.host.settings -m "not site and not slow" $(HOST_TESTS)

quick: .venv/dev.done check ## The same without the stories of a minute each
	@sh tools/browser.sh chromium
	@sh tools/browser.sh firefox-esr --optional
	$(BIN)/python $(PYTEST) -m "not slow"

coverage: .venv/dev.done ## All tests, with the lines and branches that they run in any process (ARGS="-m 'not slow'")
	@sh tools/browser.sh chromium
	@sh tools/browser.sh firefox-esr --optional
	rm -rf var/coverage
	@code=0; $(BIN)/coverage run $(PYTEST) $(ARGS) || code=$$?; \
	    $(BIN)/coverage combine --quiet && $(BIN)/coverage html --quiet && $(BIN)/coverage report && \
	    echo "Line by line: var/coverage/html/index.html" && exit $$code

check: .venv/dev.done ## Pins, lint, format, layers, types, migrations, docs, and known weaknesses of packages
	@sh tools/lock.sh --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(SETTINGS) $(BIN)/mypy .
	@$(SETTINGS) $(BIN)/python -W "ignore:Got an error checking a consistent migration history" manage.py \
	    makemigrations --check --dry-run
	@sh tools/node/page.sh --check
	@$(BIN)/python tools/messages.py --check
	@$(MAKE) --no-print-directory docs
	@sh tools/audit.sh

messages: .venv/dev.done ## Write the texts to translate into queueapp/locale, and compile the catalogs
	@$(BIN)/python tools/messages.py

docs: .venv/dev.done ## Build the docs site, which `make run` serves at /docs/; a broken link is an error
	@$(SETTINGS) DJANGO_SETTINGS_MODULE=jobsite.settings $(BIN)/python tools/docs/build.py

DIST ?= dist
BUILD = uv build --quiet --no-config --no-build-isolation --out-dir $(DIST)

wheel: .venv/dev.done ## Build the wheel and the sdist of the queue, without the site (DIST=dist)
	$(BIN)/$(BUILD) .

client: .venv/dev.done ## Build the wheel and the sdist of the client (DIST=dist)
	$(BIN)/$(BUILD) client

release-check: DIST = var/release
release-check: .venv/dev.done ## Build the three packages, and check the queue's on each Python, Django and PostgreSQL that is there
	rm -rf $(DIST)
	for package in . client conformance; do $(BIN)/$(BUILD) $$package || exit 1; done
	$(BIN)/uv tool run --quiet twine==$(TWINE) check --strict $(DIST)/*.whl $(DIST)/*.gz
	RELEASE_CHECK=1 $(BIN)/python -m pytest tests/package

conformance: .venv/dev.done ## Put four backends of Django's tasks through the suite in conformance/, and print the table
	$(BIN)/python -m conformance.compare.table

check-deploy: ## Check deploy/ by the tools that read its files, as far as they are installed
	@sh tools/check_deploy.sh

bench-%: .venv-bench/bench.done ## Measure; bench/README.md has what (bench-fairness ARGS=--help)
	.venv-bench/bin/python -m bench.$* $(ARGS)

bench-witnesses: .venv/dev.done  # it runs tests
	$(BIN)/python -m bench.witnesses $(ARGS)

screenshots: .venv/dev.done ## Make the pictures of all pages in docs/ anew
	@sh tools/browser.sh chromium
	SCREENSHOTS=1 $(BIN)/python -m pytest -q tests/pages/test_screenshots.py

format: .venv/dev.done ## Put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@sh tools/node/page.sh --write

lock: .venv/dev.done ## Write the lock files anew from what requirements*.txt pin (ARGS=--upgrade)
	@sh tools/lock.sh $(ARGS)

clean: ## Remove the virtual environment, and all data under var/
	@data=$$(readlink var/postgres); case "$$data" in /var/lib/turnabout/data-*) rm -rf "$${data%/postgres}";; esac
	rm -rf .venv .venv-bench var

# One sentence, before anything is installed.
define new_enough
	@$(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed, and $(1) is not: name one, as in make run PYTHON=python3.11" >&2; exit 1; }
endef

.venv/bin/python:
	$(call new_enough,$(PYTHON))
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv-bench/bench.done: requirements-bench.lock
	$(call new_enough,$(PYTHON))
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(INSTALL) requirements-bench.lock
	@touch $@

.venv/run.done: requirements.lock | .venv/bin/python
	$(BIN)/python $(INSTALL) requirements.lock
	@touch $@

.venv/dev.done: requirements-dev.lock requirements.lock | .venv/bin/python
	$(BIN)/python $(INSTALL) requirements-dev.lock
	@touch $@ .venv/run.done
