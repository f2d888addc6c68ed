# The command menu. `make setup` is part of every target and a no-op in a second when nothing changed.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-fast bench bench-rpo bench-analytics lint format lock clean
BIN := .venv/bin
# How tests are shared out: a worker a core, whole files, in the order of their names (costly first).
WORKERS := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# What runs beside no other test.
QUIET := e2e or browser or quiet
# What `make bench` measures, one script a subject. alert_latency.py needs a real PostgreSQL and
# pgBackRest and is run by hand.
BENCHMARKS := ingest sources

help: ## show this menu
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

setup: ## make .venv with everything that is locked
	@sh .ci/setup

demo: setup ## simulate a fleet and open the whole platform on it
	@$(BIN)/cbcr demo

up: setup ## run the platform that ./cbcr.yaml configures
	@$(BIN)/cbcr up

test: setup ## all tests; what needs a missing program is skipped with the reason
	@failed=0; \
	echo "== all but $(QUIET)"; $(BIN)/python -m pytest $(WORKERS) -m "not ($(QUIET))" || failed=1; \
	echo "== $(QUIET)"; $(BIN)/python -m pytest -m "$(QUIET)" || failed=1; \
	[ $$failed = 0 ] || echo "== FAILED: see the last lines of both passes"; exit $$failed

test-fast: setup ## the quick tests, at most a minute
	@$(BIN)/python -m pytest $(WORKERS) -m "not ($(QUIET) or slow)"

bench: setup ## measure speed and memory, some minutes (docs/benchmarks.md)
	@for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || exit 1; done

lint: setup ## style, types, import direction, SQL, dead code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --config dbt_project/.sqlfluff dbt_project/models
	@$(BIN)/vulture

format: setup ## format the Python code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: setup ## make requirements/dev.lock anew
	@.ci/setup uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header -o requirements/dev.lock

bench-rpo: setup ## recovery point numbers beside other engines; say BENCH_RPO="--sizes 100m" for more
	@$(BIN)/python -m benchmarks.rpo $(BENCH_RPO)

bench-analytics: setup ## accuracy of forecasts beside other methods; STATSFORECAST_PYTHON=… adds AutoETS
	@$(BIN)/python -m benchmarks.analytics $(BENCH_ANALYTICS)

clean: ## remove what setup and runs have made
	@rm -rf .venv .uv .cbcr
