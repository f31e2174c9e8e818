# Only Go and make are needed, but for "e2e" (Node.js) and "lint" (which builds
# the linter once). "make help" lists the targets.

GO       ?= go
BIN      := bin/gatehouse$(shell $(GO) env GOEXE)
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# The version is the tag or commit; without git, Go's own record of the build.
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null)
# Programs are position-independent. On Linux such a program needs the system's
# loader; MODE=exe builds one for an image that has none.
MODE     ?= pie
LDFLAGS  := $(if $(VERSION),-X main.release=$(VERSION))

# The race detector needs cgo and a C compiler. Without them the tests run
# without it, and say so.
RACE     := $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v $$($(GO) env CC) >/dev/null 2>&1 && echo -race)
# Packages wait for processes more than they compute, so twice as many as usual
# are tested at a time; "make lint" vets.
PACKAGES := $(shell expr 2 \* "$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)")
# The race detector would also make each process sleep for a second at its end.
# What many tests start is built once, in a folder that only this checkout has,
# and without the race detector: see "race". What is compiled does not know where
# it was, so a second clone finds it in Go's cache.
PROGRAMS  = $(shell $(GO) env GOCACHE)/gatehouse-tests$(subst /,-,$(CURDIR))
# A collector that lets heaps grow saves a tenth of what compilers and tests compute.
TEST     := GOGC=$(or $(GOGC),200) GORACE=$(or $(GORACE),atexit_sleep_ms=0) $(GO) test $(RACE) -trimpath -vet=off -p $(PACKAGES) -shuffle=on -timeout 15m
# The longest of them begin first: else one alone would run at the end.
LONGEST  := ./testkit/wire ./cmd/gatehouse

# Each fuzz target runs this many inputs, so that a run is bounded by work and
# not by the clock.
FUZZ     ?= 20000x
# A target that talks to another process covers something else each time, and
# would be minimized for a minute again and again.
FUZZMIN  ?= 10x
MICRO    ?= .

# Flags of the bench, such as BENCH='--only stdio --rounds 3'.
BENCH    ?=

# A chaos run takes this many random steps: about a minute, more on a busy
# machine. SEED runs an earlier one again, RUNS tries so many seeds.
STEPS    ?= 150
SEED     ?= new

# With ATTACK=1 it is one attacker among nine honest agents instead: each attack,
# or those that ATTACKS names (ATTACKS='floods,slow bodies'), for EACH seconds,
# then all at once. No race detector: it compares times.
EACH     ?= 60

NPM      := testkit/e2e/testdata
# What makes a release; HOST is what "make reproducible" builds.
RELEASE   = $(GO) run -C internal/tools/release . -version "$(VERSION)" -buildmode $(MODE) $(if $(PUBLISH),-publish)
HOST     ?= $(shell $(GO) env GOOS)/$(shell $(GO) env GOARCH)
TOOLMOD  := -modfile=internal/tools/go.mod
LINT     := $(GO) tool $(TOOLMOD) golangci-lint

.DEFAULT_GOAL := help
.PHONY: fleet help build run test race attach short chaos fuzz find lint fmt fix check cross wine e2e npm python cover vuln bench figures microbench man dist packages-test reproducible clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/gatehouse
	CGO_ENABLED=0 $(GO) build -buildmode=$(MODE) -trimpath -ldflags "$(LDFLAGS)" -o $(BIN) ./cmd/gatehouse

run: build ## build, then serve the demo on http://127.0.0.1:8000/mcp, and its page on port 8001
	@echo "make run: the demo asks for no token: every program that reaches the port can be any of its agents"
	$(BIN) run --transport http --ops 8001 --mcp-config "$(CURDIR)/docs/examples/demo/.mcp.json" --rules "$(CURDIR)/docs/examples/demo/.mcp-gateway-rules.json"

test: ## run all tests that need only Go, with the race detector where there is one
	@$(if $(RACE),:,echo "make test: no cgo or no C compiler: running without the race detector")
	@$(MAKE) --no-print-directory -s e2e-note
	@mkdir -p "$(PROGRAMS)"
	GOGC=$(or $(GOGC),400) $(GO) build -trimpath -buildvcs=false -ldflags='-s -w' -o "$(PROGRAMS)/" ./testkit/fakeserver ./cmd/gatehouse
	GATEHOUSE_TEST_PROGRAMS="$(PROGRAMS)" $(TEST) $(LONGEST) ./...
	$(if $(RACE),GOGC=$(or $(GOGC),200) $(GO) test -trimpath -vet=off -count=1 -run TestIdle_callsAtTheMomentOfIdleStop ./actors/server)

race: export GATEHOUSE_TEST_RACE = 1
race: test ## the same, with the race detector in every gateway that the tests of cmd/gatehouse start too

attach: ## run the tests of stdio with "gatehouse attach" in the place of "gatehouse run", and list those that are about run alone
	@mkdir -p "$(PROGRAMS)"
	GOGC=$(or $(GOGC),400) $(GO) build -trimpath -buildvcs=false -ldflags='-s -w' -o "$(PROGRAMS)/" ./testkit/fakeserver ./cmd/gatehouse
	@log=$$(mktemp) && trap 'rm -f "$$log"' EXIT && \
	export GATEHOUSE_TEST_ATTACH=1 GATEHOUSE_TEST_PROGRAMS="$(PROGRAMS)" && \
	{ $(GO) test -v -count=1 -trimpath -vet=off -timeout 10m -run '[sS]tdio|^TestAttach' ./cmd/gatehouse && \
	$(GO) test -v -count=1 -trimpath -vet=off -timeout 10m -short -run '^Test' ./testkit/wire; } >"$$log" 2>&1 || { cat "$$log"; exit 1; }; \
	grep -E '^ok|^--- SKIP|not with attach' "$$log" && grep -q 'not with attach' "$$log" || { echo "make attach: no test has noticed that attach stands in the place of run"; exit 1; }

short: ## run the quick tests only, without the race detector
	$(GO) test -short -shuffle=on -timeout 5m ./...

chaos: ## try to break the assembled gateway by STEPS random steps (150), or by an attacker (ATTACK=1)
ifdef ATTACK
	GATEHOUSE_ATTACKS='$(ATTACKS)' GATEHOUSE_ATTACK_SECONDS=$(EACH) \
		$(GO) test -count=1 -v -timeout 90m -run Chaos_oneAttacker ./testkit/chaos
else
	GATEHOUSE_CHAOS_SEED=$(SEED) GATEHOUSE_CHAOS_RUNS=$(RUNS) GATEHOUSE_CHAOS_STEPS=$(STEPS) \
		$(GO) test $(RACE) -count=1 -v -timeout 60m -run Chaos_randomSchedule ./testkit/chaos
	GATEHOUSE_CHAOS_SESSIONS=500 $(GO) test $(RACE) -count=1 -v -timeout 10m -run Sessions_chaos ./internal/front/surface
endif

fuzz: ## run each fuzz target for FUZZ inputs (20000x), or for a time (10s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' actors cmd internal messages supervisor testkit \
	| sed 's|\(.*\)/[^/]*:func \(.*\)|\1 \2|' | sort | GO="$(GO)" FUZZ="$(FUZZ)" FUZZMIN="$(FUZZMIN)" xargs -P 2 -L 1 .ci/fuzz

lint: ## check with golangci-lint (builds it the first time: minutes)
	$(LINT) config verify
	$(LINT) run ./...

fmt: ## format all Go files
	$(LINT) fmt ./...

fix: ## apply Go's modernizers
	$(GO) fix ./...

check: ## what must be clean before a commit: format, modernizers, lint, test
	$(LINT) fmt --diff ./...
	$(GO) fix -diff ./...
	$(MAKE) --no-print-directory lint test

cross: ## build for linux, darwin and windows, and vet for each system
	@for platform in $(PLATFORMS); do \
		echo "build $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build ./... || exit 1; \
	done
	@for system in linux darwin windows; do \
		echo "vet $$system"; \
		CGO_ENABLED=0 GOOS=$$system $(GO) vet ./... || exit 1; \
	done

# What has parts of its own for Windows that wine can run, and the tests of the whole
# program. One process after the other, and few tests at a time: wine is slow.
WINE := ./internal/ownsocket ./internal/attach ./internal/admin ./internal/childproc ./internal/logging

wine: ## run the tests of what is different on Windows by wine; skips where it is not installed
	@$(GO) run ./testkit/wine -p 1 -parallel 2 -timeout 10m $(WINE) -- \
		-parallel 2 -timeout 10m -run '^TestAttach|^TestRestart_gateway|^TestRestart_callCancelled' ./cmd/gatehouse

FLEET := TTL NETWORK CALLS APPLIES STEPS IDLE

fleet: ## do all harms of docs/FLEET.md to real gateways with a real etcd, TIMES times each (20); that page has more variables
	GATEHOUSE_FLEET_TIMES=$(or $(TIMES),20) $(foreach v,$(FLEET),$(if $(filter command%,$(origin $v)),GATEHOUSE_FLEET_$v=$($v))) $(GO) test -count=1 -v -timeout 10h -run Acceptance ./testkit/fleet

find: ## print how well search_tools finds what the sets of questions in SETS ask for
	@$(if $(SETS),:,echo "make find: name a folder of sets: make find SETS=DIR"; exit 2)
	@$(GO) run ./testkit/findbench $(BENCH) $(SETS)

e2e: ## install pinned MCP servers and clients from npm and PyPI and test the gateway with them; skips without Node.js
	@if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then \
		echo "make e2e: skipped: node and npm are not here"; \
	else \
		$(MAKE) --no-print-directory npm python chromium prometheus && \
		GATEHOUSE_E2E=must $(GO) test $(RACE) -count=1 -v -timeout 60m ./testkit/e2e/... && \
		$(MAKE) --no-print-directory packages-test; \
	fi

npm: $(NPM)/node_modules/.package-lock.json

# A Chromium from npm is unpacked beside the packages, for tests of pages. The
# tests that need it are skipped where there is none.
.PHONY: chromium
chromium: $(NPM)/chromium/.tried

$(NPM)/chromium/.tried: $(NPM)/node_modules/.package-lock.json $(NPM)/chromium.mjs
	node $(NPM)/chromium.mjs
	@mkdir -p $(@D) && touch $@

# Prometheus and promtool, where they are not installed, from Debian's package, which
# is unpacked beside those of npm. Elsewhere the tests that need them are skipped.
.PHONY: prometheus
prometheus:
	@dir=$(NPM)/prometheus; \
	if command -v prometheus >/dev/null && command -v promtool >/dev/null || [ -x $$dir/usr/bin/promtool ]; then exit 0; fi; \
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && mkdir -p $$dir && cd $$dir && \
	{ apt-get -q download prometheus || { apt-get -q update && apt-get -q download prometheus; }; } >log 2>&1 && \
	dpkg-deb -x prometheus_*.deb . && rm -f prometheus_*.deb || \
	echo "make e2e: tests with the real Prometheus are skipped: it is not installed, and Debian's package cannot be had"

# Two environments with the Python SDK and servers made on it, an old version
# and a new one. Where there
# is no Python, or none that can make them, the tests that need them are skipped.
PYTHON   := $(NPM)/python
VENVS    := $(if $(shell python3 -c 'import sys, ensurepip, venv; assert sys.version_info >= (3, 10)' 2>/dev/null && echo yes),$(PYTHON)/venv-old $(PYTHON)/venv-new)

python: $(VENVS:%=%/.installed)
	@$(if $(VENVS),:,echo "make e2e: servers of the Python SDK are skipped: python3 (3.10 or newer) with venv is not here")

$(PYTHON)/venv-%/.installed: $(PYTHON)/%.txt
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r $<
	@touch $@

$(NPM)/node_modules/.package-lock.json: $(NPM)/package.json $(NPM)/package-lock.json
	npm ci --prefix $(NPM) --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

.PHONY: e2e-note
e2e-note:
	@if ! command -v node >/dev/null 2>&1; then \
		echo "make test: the end-to-end tests are skipped: node is not here"; \
	elif [ ! -e $(NPM)/node_modules/.package-lock.json ]; then \
		echo "make test: the end-to-end tests are skipped: what they need is not installed; run make e2e"; \
	fi

cover: ## show how much of the code the tests run, in cover.html
	$(GO) test -short -timeout 15m -coverpkg=./... -coverprofile=cover.out ./...
	$(GO) tool cover -html=cover.out -o cover.html
	$(GO) tool cover -func=cover.out | tail -n 1

vuln: ## look for known vulnerabilities; where their database is out of reach, say so and pass
	@out=$$($(GO) tool $(TOOLMOD) govulncheck ./... 2>&1) && { echo "$$out"; exit 0; }; case "$$out" in \
		*"fetching vulnerabilities"*) echo "make vuln: not run: the database of vulnerabilities is out of reach: $$out" ;; \
		*) echo "$$out"; exit 1 ;; \
	esac

bench: ## measure the gateway against direct calls, BENCH are flags: see docs/PERFORMANCE.md
	$(GO) run ./testkit/bench $(BENCH)

figures: ## measure what docs/OPERATIONS.md says of reloads, crashes and stops (minutes)
	GATEHOUSE_FIGURES=full $(GO) test -run '^TestFigures_' -count=1 -v -timeout 30m ./cmd/gatehouse

microbench: ## run the Go benchmarks that match MICRO, in the form benchstat reads
	$(GO) test -run '^$$' -bench '$(MICRO)' -benchmem -timeout 30m ./...

man: ## write the manual's pages into dist/man
	$(GO) run -ldflags "$(LDFLAGS)" ./cmd/gatehouse man dist/man

dist: ## build the release into dist/: archives, .deb, .rpm, npm and Python packages, SBOMs, checksums (PUBLISH=1: for registries)
	$(RELEASE) -out $(CURDIR)/dist $(PLATFORMS)

# The program of the image is the one in the packages for npm and Python, which
# needs no loader.
packages-test: ## build the packages for HOST, and install and run each that this machine can
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	$(RELEASE) -out "$$dir" $(HOST) && mkdir "$$dir/image" && \
	tar -xzf "$$dir/gatehouse-npm-$(subst /,-,$(HOST)).tgz" -C "$$dir/image" --strip-components 2 package/bin && \
	GATEHOUSE_DIST="$$dir" GATEHOUSE_VERSION="$(or $(VERSION),devel)" $(GO) test -C internal/tools/release -count=1 -v -run 'Packages|Manifests' .

# The second build is of a copy elsewhere and begins with an empty cache. It
# takes minutes: all that is linked in is compiled.
reproducible: ## build the release for HOST twice, in two places, and compare every byte
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && mkdir "$$dir/elsewhere" && \
	git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$$dir/elsewhere" && \
	$(GO) test -C internal/tools/release . && \
	export SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) && \
	$(RELEASE) -out "$$dir/one" $(HOST) && \
	$(RELEASE) -root "$$dir/elsewhere" -cache "$$dir/cache" -out "$$dir/two" $(HOST) && \
	cmp "$$dir/one/SHA256SUMS" "$$dir/two/SHA256SUMS" && echo "make reproducible: the same bytes twice"

clean: ## remove what was built and installed here
	rm -rf bin dist cover.out cover.html $(NPM)/node_modules $(NPM)/chromium $(NPM)/prometheus "$(PROGRAMS)"
