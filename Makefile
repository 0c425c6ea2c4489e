.PHONY: build run test lint coverage scan-secrets scan-image quality-gate bench fuzz up down demo clean
COMPOSE ?= docker compose
build: ; scripts/install-dependencies run && scripts/build build -DSOC_TESTS=OFF -DSOC_BENCH=OFF
run: ; scripts/run
test: ; scripts/test
lint: ; scripts/lint
coverage: ; scripts/coverage
scan-secrets: ; scripts/scan-secrets
scan-image: ; scripts/scan-image
quality-gate: lint test coverage scan-secrets
bench: ; scripts/bench
fuzz: ; scripts/fuzz
up: ; $(COMPOSE) up --detach --build --wait
down: ; $(COMPOSE) down
demo: ; kind/demo/setup.sh && kind/demo/run.sh
clean: ; rm -rf build build-*
