# Every target is a command that CI runs too. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --upgrade
SOURCES := pyproject.toml instrumentation/pyproject.toml

# Without it, every Python that a test starts would compile anew what it imports: the suite would take minutes longer.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install install-dev up demo test check format lock bench bench-ingest bench-growth bench-replay bench-query bench-truth otelcol layer bench-layer soak fuzz overload clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/uv: requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Coldlight needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@touch $@

.venv/.server: .venv/bin/uv requirements/server.txt $(SOURCES)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/server.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/.js: .venv/.server tests/js/package-lock.json
	@if command -v npm >/dev/null; then cd tests/js && npm ci --silent --no-audit --no-fund; \
		else echo "Without Node.js and npm, senders in JavaScript are not tested."; fi
	@touch $@

.venv/.dev: .venv/.server .venv/.js requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . -e instrumentation
	@touch $@

.venv/.bench: .venv/.dev requirements/bench.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@touch $@

.venv/.fuzz: .venv/.dev requirements/fuzz.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/fuzz.txt
	@touch $@

install: .venv/.server ## create .venv with the `coldlight` command in it

install-dev: .venv/.dev ## the same, with what tests and checks need

up: install ## start everything on this machine: collector, query service, embedded ClickHouse
	$(BIN)/coldlight up

demo: install ## send a simulated shop's traffic to a running `make up`
	$(BIN)/coldlight demo

test: install-dev ## all tests, two at a time (set COLDLIGHT_TEST_CLICKHOUSE_URL to run the store suite on a server, too)
	$(BIN)/pytest -n 3 --dist loadfile

check: install-dev ## formatting, lint, types, package boundaries
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/ruff check --quiet --target-version py39 instrumentation/coldlight_lambda
	$(BIN)/vermin --quiet --no-tips --violations --target=3.9- instrumentation/coldlight_lambda
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev ## rewrite the code as `make check` wants it
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: install-dev ## resolve requirements/*.txt anew
	$(COMPILE) requirements/build.in -o requirements/build.txt
	$(COMPILE) --prerelease allow requirements/bench.in -o requirements/bench.txt
	$(COMPILE) requirements/bench-layer.in -o requirements/bench-layer.txt
	$(COMPILE) requirements/fuzz.in -o requirements/fuzz.txt
	$(COMPILE) -c requirements/limits.in pyproject.toml -o requirements/server.txt
	$(COMPILE) --no-emit-package coldlight-lambda -c requirements/server.txt pyproject.toml --group dev -o requirements/dev.txt

bench: .venv/.bench ## figures of docs/benchmarks.md; BENCH="--clickhouse-server PROGRAM" sets Rotel beside it
	$(BIN)/python -m benchmarks $(BENCH)

# The benchmarks on a server take a program that starts one, as docs/benchmarks.md says.
CLICKHOUSE_SERVER ?= ../shared/tools/clickhouse-server
OTELCOL ?= /tmp/coldlight-otelcol/otelcol
BENCH_ON_SERVER := $(BIN)/python -m benchmarks --clickhouse-server $(CLICKHOUSE_SERVER)
WITH_OTELCOL := $(if $(wildcard $(OTELCOL)),--otelcol $(OTELCOL) --only "OpenTelemetry Collector")

bench-ingest: .venv/.bench ## Coldlight beside Rotel, and beside what `make otelcol` built: spans and log records, 40 minutes
	$(BENCH_ON_SERVER) --only Coldlight --only Rotel $(WITH_OTELCOL) ingest $(BENCH)

bench-growth: .venv/.bench ## what 20 million stored spans change, and 4 collectors: 30 minutes, 10 GB
	$(BENCH_ON_SERVER) growth $(BENCH)

bench-replay: .venv/.bench ## a killed collector with a journal of 1 GiB: how soon it serves again: 5 minutes, 2 GB
	$(BIN)/python -m benchmarks replay $(BENCH)

bench-query: .venv/.dev ## how fast the query service answers among 100 million spans of a week, made first and kept (BENCH="--spans 1000000" for less)
	$(BIN)/python -m benchmarks.answers $(BENCH)

bench-truth: .venv/.dev ## how truly requests are rebuilt: made-up applications, scored against what truly happened: 5 minutes
	$(BIN)/python -m benchmarks.truth $(BENCH)

otelcol: ## build the OpenTelemetry Collector for bench-ingest, outside of this folder: 5 minutes, with Go
	mkdir -p $(dir $(OTELCOL))
	cd $(dir $(OTELCOL)) && go run go.opentelemetry.io/collector/cmd/builder@v0.161.0 --config $(CURDIR)/benchmarks/otelcol.yaml

layer: install-dev ## write dist/coldlight-lambda-python.zip, the Lambda layer: the same bytes on every machine (needs Python 3.9 to 3.13)
	$(BIN)/python -m layer_build

bench-layer: layer .venv/.bench ## what the layer costs a function, beside OpenTelemetry, Datadog and Lumigo: 5 minutes
	$(BIN)/python -m benchmarks.layer $(BENCH)

LIVES ?= 60
soak: install-dev ## kill Coldlight LIVES times under load, and count what it acknowledged
	$(BIN)/python -m soak --lives $(LIVES)

SECONDS ?= 60
fuzz: .venv/.fuzz ## fuzz every decoder for SECONDS, and keep what was found (TARGETS="zipkin_v1 ..." for some)
	$(BIN)/python -m fuzz --seconds $(SECONDS) $(TARGETS)

MINUTES ?= 10
overload: install-dev ## four times what Coldlight can take for MINUTES, then an attack; OVERLOAD="--clickhouse-server PROGRAM" tries a collector
	$(BIN)/python -m overload --minutes $(MINUTES) $(OVERLOAD)

clean: ## remove the environment and caches (never data)
	rm -rf .venv tests/js/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
