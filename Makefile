# minivess: `make help` lists what can be asked for.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
DATE    ?= $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)

# The native runtimes live in the user's cache under a versioned name, so the
# flags below are the same in every checkout and Go's build cache hits.
NATIVE := $(shell python3 scripts/native.py path)
export CGO_CFLAGS   := -g0 -O2
export CGO_CXXFLAGS := -g0 -O2 -D_GLIBCXX_USE_CXX11_ABI=0 -I$(NATIVE)/torch/include -I$(NATIVE)/torch/include/torch/csrc/api/include
export CGO_LDFLAGS  := -L$(NATIVE)/stubs -L$(NATIVE)/torch/lib -Wl,--as-needed -Wl,-rpath,$(NATIVE)/torch/lib -Wl,-rpath-link,$(NATIVE)/torch/lib

# Threads that wait for work sleep instead of spinning: on a machine with other
# work, spinning makes libtorch several times slower. Peers in the benchmarks
# run under the same policy.
export OMP_WAIT_POLICY ?= PASSIVE

LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE) -X main.native=$(NATIVE)

LINT_VERSION := v2.15.0
LINT := $(dir $(NATIVE))../tools/golangci-lint-$(LINT_VERSION)/golangci-lint

# go test takes these for every package; `make test PKG=./engine/volume/...` narrows it.
PKG ?= ./...
FUZZTIME ?= 10s

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: native
native: ## fetch libtorch and ONNX Runtime into the user's cache (once)
	@python3 scripts/native.py fetch

.PHONY: build
build: native ## build bin/minivess and bin/minivess-worker
	@mkdir -p bin
	@go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/minivess
	@echo 'building minivess-worker (the first time takes about two minutes, then it is cached)' >&2
	@go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/minivess-worker

# The word for the network in the demo's sentence: dynunet, swinunetr, …
MODEL ?= segresnet

.PHONY: demo
demo: ## from nothing to a trained, evaluated model: the main job, in plain words
	@MODEL='$(MODEL)' bash scripts/demo.sh

.PHONY: test
test: build ## run all tests with the race detector (no network needed once built)
	go test -race $(PKG)

.PHONY: evals
evals: build ## score the agent offline against the smoke suite
	@mkdir -p dist
	bin/minivess eval run evals/suites/smoke.yaml --junit dist/evals.xml

.PHONY: planner-score
planner-score: ## how often the built-in planner plans what was meant, by family, as said and changed
	@PLANNER_SCORE=all go test ./agent/planner -run '^TestScore$$' -v -count=1

.PHONY: bench
bench: build ## time us and the reference packages side by side and print ratios
	@python3 scripts/bench/run.py

.PHONY: bench-metrics
bench-metrics: ## time the metrics beside their reference packages and print ratios
	@python3 scripts/bench/metrics.py

.PHONY: bench-graph
bench-graph: ## time the graph runtime beside LangGraph and eino and print ratios
	@python3 scripts/bench/graph.py

# The seed of the weights and images that make parity draws.
SEED ?= 0

.PHONY: parity
parity: build ## compare every model with MONAI's, both ways (SEED=7 draws others)
	@"$$(python3 scripts/peers/environment.py)" scripts/peers/parity.py --seed $(SEED)

.PHONY: mcp-check
mcp-check: build ## the official Python client of MCP against bin/minivess
	@python3 scripts/peers/mcp_check.py bin/minivess

.PHONY: lint
lint: native $(LINT) ## golangci-lint, pinned
	$(LINT) run ./...

$(LINT):
	@echo 'building golangci-lint $(LINT_VERSION) (once)' >&2
	@cd / && CGO_LDFLAGS= CGO_CXXFLAGS= GOBIN=$(dir $(LINT)) GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

.PHONY: format
format: $(LINT) ## rewrite Go files in the house format
	@$(LINT) fmt ./...

.PHONY: format-check
format-check: $(LINT) ## fail if a Go file is not in the house format
	@$(LINT) fmt --diff ./...

.PHONY: vet
vet: native ## go vet
	@go vet ./...

.PHONY: architecture
architecture: ## check which room imports which
	@go test -count=1 .

.PHONY: tidy-check
tidy-check: ## fail if go.mod or go.sum would change
	@go mod tidy -diff && cd scripts/bench/graph && go mod tidy -diff

.PHONY: fuzz
fuzz: native ## fuzz every parser for FUZZTIME (10s) each
	@bash scripts/fuzz.sh $(FUZZTIME)

.PHONY: golden
golden: native ## rewrite golden files from what is printed now; read the diff before committing
	@go test $$(grep -rlE 'flag.Bool\("update"|exp/golden' --include="*_test.go" . | xargs -n1 dirname | sort -u) -update

.PHONY: clean
clean: ## remove what was built here (the user's cache stays)
	rm -rf bin dist coverage.out
