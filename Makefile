.PHONY: build run test lint bench fuzz clean
build: ; scripts/install-dependencies run && scripts/build build -DSOC_TESTS=OFF -DSOC_BENCH=OFF
run: ; scripts/run
test: ; scripts/test
lint: ; scripts/lint
bench: ; scripts/bench
fuzz: ; scripts/fuzz
clean: ; rm -rf build build-*
