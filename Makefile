# Every target sets up what it needs: nothing has to be installed by hand first.
PYTHON := .venv/bin/python

.PHONY: help setup demo serve check test bench format lock clean

help:
	@echo "make demo    set up, start Strongroom and a real PostgreSQL, and do the main job before your eyes"
	@echo "make serve   set up and start Strongroom on 127.0.0.1:4566"
	@echo "make test    set up and run every test"
	@echo "make check   set up, then lint, format, strict types, and docs/compatibility.md complete and fresh"
	@echo "make bench   set up and measure; see benchmarks/README.md"
	@echo "make format  rewrite the code in the project's layout"
	@echo "make lock    lock the newest versions of the dependencies"

setup:
	@scripts/setup

demo: setup
	@$(PYTHON) -m demo

serve: setup
	@.venv/bin/strongroom serve

check: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	$(PYTHON) scripts/compatibility.py --check

# Files run in the order of their folders: the short ones of tests/unit come last, so that both processes end together.
test: setup
	@scripts/setup-clients
	@scripts/setup-servers
	$(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: setup
	@scripts/setup-bench
	@$(PYTHON) -m benchmarks
	@$(PYTHON) -m benchmarks.layers
	@$(PYTHON) -m benchmarks.functions

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: setup
	@scripts/lock

clean:
	rm -rf .venv .venv-bench tests/javascript/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
