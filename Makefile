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

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: native
native: ## fetch libtorch and ONNX Runtime into the user's cache (once)
	@python3 scripts/native.py fetch
