.PHONY: build run test lint bench fuzz up down clean
COMPOSE ?= docker compose
build: ; scripts/install-dependencies run && scripts/build build -DSOC_TESTS=OFF -DSOC_BENCH=OFF
run: ; scripts/run
test: ; scripts/test
lint: ; scripts/lint
bench: ; scripts/bench
fuzz: ; scripts/fuzz
up: ; $(COMPOSE) up --detach --build --wait
down: ; $(COMPOSE) down
clean: ; rm -rf build build-*
