# The front door of muster. `make` alone lists what there is.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Tools are pinned by internal/tools/go.mod and built on first use.
TOOL  := go tool -modfile=internal/tools/go.mod
PROTO := go run -C internal/tools ./protogen

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## the story in a minute: agents, nine instances, an upgrade, a flip, a roll-back
	@go run ./examples/demo

.PHONY: test
test: ## everything that must hold: build, lint, generated code, all tests with -race
	@internal/tools/setup.sh
	@$(MAKE) compiled analysed generated
	@$(MAKE) model
	@internal/tools/test.sh $$(go list ./... | grep -v /docs/model$$)
	@$(MAKE) fuzz FUZZTIME=$(or $(FUZZTIME),1500ms)

DURATION ?= 10m
SEED     ?= 0

.PHONY: chaos
chaos: ## [DURATION=10m] [SEED=n] a real fleet under faults; writes docs/chaos.md. BREAK=gate: the checker checked
	@internal/tools/setup.sh
	@go run ./integration/chaos -duration $(DURATION) -seed $(SEED) $(if $(BREAK),-break $(BREAK),-prove gate,lease -report docs/chaos.md)

.PHONY: soak
soak: ## [DURATION=10m] both simulations, on virtual time, over fresh seeds, until one breaks a promise
	@go test ./integration/voyage -run '^TestSoak$$' -v -count=1 -timeout 0 -voyage.soak $(DURATION)

.PHONY: bench
bench: ## benchmarks, and the fan-out of one flip to 1,000 sessions beside a bare watch
	@packages=$$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r -n 1 dirname | sort -u); \
	[ -n "$$packages" ] || { echo "bench: no benchmarks found" >&2; exit 1; }; \
	go test -run '^$$' -bench . -benchmem -timeout 20m $$packages

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each (3s), with what it ran
	@FUZZTIME=$(or $(FUZZTIME),3s) internal/tools/fuzz.sh

.PHONY: lint
lint: analysed ## go vet, staticcheck, gofumpt and the rules of internal/house
	@go test ./internal/house

.PHONY: generate
generate: ## the Go files beside proto/**/*.proto
	@$(PROTO) ../../proto

.PHONY: build
build: ## bin/muster: one static binary
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/muster ./cmd/muster
	@echo bin/muster $(VERSION)

# The steps of `make test`; each is silent when all is well.

.PHONY: compiled
compiled:
	@go build ./...

.PHONY: analysed
analysed:
	@go vet ./...
	@$(TOOL) staticcheck ./...
	@unformatted=$$($(TOOL) gofumpt -l .); \
	[ -z "$$unformatted" ] || { echo "not gofumpt-ed (gofumpt -w them):" $$unformatted >&2; exit 1; }

.PHONY: model
model: ## the protocol as a model, right and wrong, searched by spin (docs/safety.md)
	@go test -count=1 -v -timeout 20m ./docs/model | grep -v '^=== '

.PHONY: generated
generated:
	@$(PROTO) -check ../../proto
