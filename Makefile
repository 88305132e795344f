# Sallyport. `make test` is the one test command, `make demo` the one to try it.

export GOFLAGS := -tags=sqlite_fts5 -buildvcs=false $(GOFLAGS)
export CGO_ENABLED := 1

GO      ?= go
BIN     := bin/sallyport
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: all build demo test lint vuln bench evidence soak conformance players vault fuzz tools-check clean

all: build

build:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/sallyport

# The main job on embedded parts, in one terminal. ARGS='--dir DIR' keeps it.
demo: build
	$(BIN) demo $(ARGS)

# Everything: what it needs, build, vet, lint, unit and end-to-end tests with
# the race detector (never from the cache, which does not see the binary that
# the end-to-end tests build), and the nested module with Vault's real SSH
# engine. Then a minute of fuzzing beyond the seeds: what chance finds there is
# no fault of the change at hand, so it is told and does not fail; it does in
# `make fuzz`, and once it is among the seeds, here.
test: tools-check build lint
	$(GO) test -race -count=1 -timeout 12m ./...
	cd internal/vaulttest && GOFLAGS=-buildvcs=false $(GO) test -timeout 10m ./...
	@GO=$(GO) scripts/fuzz 40000x || echo "FUZZING FOUND SOMETHING NEW: see above. Mend it, with the input among the seeds, which every run checks."

# Installs the real clients that the tests drive where it may, else says what
# to install.
tools-check:
	@scripts/tools

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

# Known vulnerabilities in what is linked; needs the network. Without it the
# list of modules is printed for a check elsewhere.
vuln:
	@$(GO) tool govulncheck ./... || { echo; echo "modules linked into the binary:"; $(GO) version -m $(BIN) 2>/dev/null || $(GO) list -m all; exit 1; }

# What it costs, beside OpenSSH's ProxyJump: docs/performance.md.
bench:
	@scripts/bench

# The part of it about recording, reading, finding and proving, with a table of
# its own; a quarter of an hour.
evidence:
	@scripts/evidence

# The long forms of the same tests.
soak:
	SALLYPORT_SOAK=1 $(GO) test -race -timeout 6h ./...

# Other people's test suites through the bastion: docs/conformance.md. As root,
# since OpenSSH's suite has an sshd to start; an hour. SALLYPORT_SCRIPTS names
# single scripts of that suite.
conformance:
	@scripts/conformance-tools
	@rm -rf bin/tables && mkdir -p bin/tables
	SALLYPORT_CONFORMANCE=1 SALLYPORT_TABLES=$(CURDIR)/bin/tables $(GO) test -count=1 -timeout 120m -v ./conformance; status=$$?; \
		cat bin/tables/*.md; exit $$status

# Recordings in the page of an exported bundle, asciinema-player in Chromium;
# the pictures are kept. `make test` plays the same ones in asciinema alone.
players:
	@scripts/players-tools
	@rm -rf bin/players && mkdir -p bin/players
	CI=1 SALLYPORT_PLAYERS=$(CURDIR)/bin/players $(GO) test -count=1 -timeout 10m -run '^(TestPlayers|TestPageLink)$$' ./e2e
	@echo "pictures: bin/players"

# The client of Vault against a real Vault server, which is built first: that
# takes minutes, once.
vault:
	bin=$$(scripts/vault-server) && VAULT_BIN=$$bin CI=1 $(GO) test -count=1 -timeout 15m ./vaultclient/...

# Each fuzz target for a minute; `make test` gives each some thousand inputs.
FUZZTIME ?= 60s
fuzz:
	@GO=$(GO) scripts/fuzz $(FUZZTIME)

clean:
	rm -rf bin
	$(GO) clean -testcache
