# One command per task; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON_BIN := .venv/bin/python
CODE := libs services client demo deploy tests benchmarks

# Clips and folder of `make demo`.
STYLE ?=
CONTENT ?=
OUT ?= demo-output
# GPU=1 chooses the containers for a GPU host.
GPU ?=
# Extra arguments of `make demo`, `make test` and `make stack`.
ARGS ?=

COMPOSE = VID2VID_REVISION=$$(git rev-parse --short HEAD 2>/dev/null || echo unknown) \
	$$(docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) \
	$(if $(GPU),-f docker-compose.gpu.yml)

.PHONY: help
help: ## List the commands
	@echo "usage: make COMMAND"
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo STYLE=style.mp4 CONTENT=content.mp4 OUT=folder"
	@echo "  make test ARGS='tests/unit -k mask'"

.PHONY: setup
setup: ## Install what is missing: system packages, .venv, .venv-triton
	@scripts/setup

.PHONY: demo
demo: setup ## Two clips in, a talking result out; makes the clips if none are named
	@$(PYTHON_BIN) -m vid2vid_demo $(if $(STYLE),--style "$(STYLE)") $(if $(CONTENT),--content "$(CONTENT)") --out "$(OUT)" $(ARGS)

.PHONY: stack
stack: setup ## Run landmarks, Triton and renderer until Ctrl-C
	@$(PYTHON_BIN) -m vid2vid_demo.stack $(ARGS)

.PHONY: test
test: setup ## Run all tests
	@FAIL_WITHOUT_TRITON=1 $(PYTHON_BIN) -m pytest $(ARGS)

.PHONY: images
images: ## Build the container images
	@$(COMPOSE) --profile train build

.PHONY: up
up: ## Start the containers and wait for their order (GPU=1 on a GPU host)
	@$(COMPOSE) up -d

.PHONY: down
down: ## Stop the containers; models and runs stay in their volumes
	@$(COMPOSE) down

.PHONY: e2e-compose
e2e-compose: setup ## Build, run, kill and heal the containers with the real Docker engine (minutes)
	@$(PYTHON_BIN) -m tests.e2e.compose

.PHONY: check
check: setup ## Check format, lint, types, and that the stubs are up to date
	@$(MAKE) --no-print-directory format-check lint types stubs-check

.PHONY: format
format: setup ## Format the code
	@.venv/bin/ruff format $(CODE)
	@.venv/bin/ruff check --fix $(CODE)

.PHONY: stubs
stubs: setup ## Generate the gRPC stubs from proto/
	@scripts/generate-stubs

.PHONY: clean
clean: ## Remove environments and caches
	rm -rf .venv .venv-triton .mypy_cache .ruff_cache .pytest_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The parts of `make check`, which pre-commit calls too.
.PHONY: format-check lint types stubs-check
format-check:
	@.venv/bin/ruff format --check $(CODE)
lint:
	@.venv/bin/ruff check $(CODE)
types:
	@.venv/bin/mypy $(CODE)
stubs-check:
	@scripts/generate-stubs --check
