# What can be done here: run "make" for the list. It needs Go, git and make;
# every other tool is a Go module pinned in tools.mod, lint.mod, helm.mod, release.mod
# or test/controlplane/tools/go.mod, and built when it is first needed.

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The whole suite, and how much of it at once: several packages run a control
# plane of their own, and some tests measure how soon something follows.
PACKAGES ?= ./...
PARALLEL ?= 2
TESTFLAGS ?= -timeout 60m

# What "make bench" and "make fuzz" run, and for how long.
BENCH ?= .
BENCHTIME ?= 1s
BENCHCOUNT ?= 1
FUZZ ?= .
FUZZTIME ?= 30s

export CGO_ENABLED = 0

LINT = $(GO) tool -modfile=lint.mod golangci-lint
PLAYGROUND = $(GO) run ./test/playground

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what can be made (this list)
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ See it
.PHONY: demo playground playground-down
demo: ## A guided tour, on files and then on a real control plane; stops all it starts
	@echo 'Compiling the tour: a moment, or some minutes when Go has never built this.'
	@$(PLAYGROUND) demo
playground: controlplane ## The same cluster, left running for you; prints its KUBECONFIG
	@$(PLAYGROUND) up
playground-down: ## Stop the playground
	@$(PLAYGROUND) down

##@ Build and test
.PHONY: build test test-short test-ui soak traffic conformance oracle ingress2gateway nginx alerts controlplane
build: ## Both programs, into bin/, stamped with the version of the checkout
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/...
	@ln -sf kubectl-effective_policy bin/kubectl_complete-effective_policy
test: controlplane ## Everything, on a real control plane
	@test/nginx/prepare.sh
	$(GO) test -p $(PARALLEL) $(TESTFLAGS) $(PACKAGES)
	@echo 'Not among these: "make traffic", requests through a real Traefik, and "make oracle", Envoy Gateway as a judge.'
test-short: ## What needs no control plane
	$(GO) test -short $(TESTFLAGS) $(PACKAGES)
test-ui: ## The page in a real browser (needs Node, npm and Chromium; says how to get them): UI='journeys looks budgets'
	@test/ui/run.sh $(UI)
traffic: controlplane ## Requests through a real Traefik (ten minutes more when first built)
	@test/nginx/prepare.sh
	$(GO) run ./test/dataplane/prepare traefik
	ATTACHE_TRAFFIC=1 $(GO) test -count 1 $(TESTFLAGS) ./test/traffic
soak: controlplane ## All that happens to a cluster, for MINUTES=60, and each thing alone under load for three minutes
	ATTACHE_SOAK_MINUTES=$(or $(MINUTES),60) $(GO) test -count 1 -timeout 300m -v -run 'Soak|Authority|Replicas|Underneath|Restarted' ./test/install
conformance: controlplane ## What a data plane makes of policies, as a YAML report: CONFORMANCE='--kubeconfig=FILE --gateway-class=NAME'
	@$(PLAYGROUND) conformance $(CONFORMANCE)
oracle: ## Envoy Gateway's translator judges 100 random exports (ten minutes more when first built)
	$(GO) run ./test/dataplane/prepare egctl
	ATTACHE_ORACLE=1 $(GO) test -count 1 -timeout 60m -v ./test/oracle
ingress2gateway: ## ingress2gateway as a judge of migrations, and its known faults (minutes more when first built)
	$(GO) run ./test/dataplane/prepare ingress2gateway
	ATTACHE_INGRESS2GATEWAY=1 $(GO) test -count 1 $(TESTFLAGS) -v ./test/ingress2gateway
nginx: ## 5,000 random hosts: the model of ingress-nginx against nginx itself
	test/nginx/prepare.sh
	ATTACHE_NGINX_HOSTS=5000 $(GO) test -count 1 $(TESTFLAGS) -v ./test/nginx
alerts: ## The chart's alert rules in Prometheus' own engine, on time series (a minute more when first built)
	cd test/alerts && $(GO) test -count 1 $(TESTFLAGS) .
controlplane: ## Get etcd, kube-apiserver and kubectl (minutes, once per machine)
	@folder=$$(test/controlplane/prepare.sh --controller-manager) && echo "control plane: $$folder"

##@ Keep it right
.PHONY: lint verify generate golden-update
lint: ## golangci-lint, with the reasons in .golangci.yaml (minutes when first built)
	$(LINT) run
verify: ## Formatting, vet, go.mod, and that generated files are up to date
	@.ci/verify
generate: ## Write CRDs, deep copies and other generated files anew
	$(GO) generate ./...
golden-update: ## Write the expected results of golden tests anew; read the diff
	@packages=$$(git grep -l 'flag.Bool("update"' -- '*_test.go' ':!crds' | xargs -n1 dirname | sort -u | sed 's,^,./,') && \
	echo "$(GO) test" $$packages -update && $(GO) test $$packages -update

##@ Measure it
.PHONY: bench bench-smoke bench-peers fuzz
bench: ## Benchmarks on one processor, against their targets: BENCH=regexp BENCHTIME=1s BENCHCOUNT=1
	$(GO) test -run '^$$' -cpu 1 -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -count $(BENCHCOUNT) -timeout 60m ./hierarchy/... ./policy/... ./test/bench/...
bench-smoke: ## Every benchmark once, the small worlds alone: whether they run, not how fast
	$(GO) test -short -run '^$$' -bench . -benchtime 1x ./hierarchy/... ./policy/... ./test/bench/...
bench-peers: ## The engine beside gwctl's, on the same clusters, in turn (two minutes more when first built)
	@mkdir -p bin && cd test/peers && $(GO) build -o ../../bin/peers .
	$(GO) test -run '^$$' -cpu 1 -bench '^BenchmarkPeers$$' -benchtime 1x -count $(or $(COUNT),3) -timeout 60m ./test/bench -peers "$(CURDIR)/bin/peers"
fuzz: ## Every fuzz target in turn: FUZZ=regexp FUZZTIME=30s
	@git grep -hoE '^func Fuzz[A-Za-z0-9_]*' -- '*_test.go' >/dev/null || { echo "no fuzz targets"; exit 1; }
	@git grep -oE '^func Fuzz[A-Za-z0-9_]*' -- '*_test.go' | grep -E '$(FUZZ)' | \
	while IFS=: read -r file target; do \
		echo "== $${target#func } in $$(dirname "$$file"), $(FUZZTIME)"; \
		$(GO) test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null || exit 1; \
	done

##@ Release it
.PHONY: dist dist-again vuln
dist: ## What a release consists of, into dist/: VERSION=v0.1.0 PLATFORMS=linux/amd64,…
	$(GO) run ./test/release --version $(VERSION) --out dist $(if $(PLATFORMS),--platforms $(PLATFORMS))
	test/release/krew.sh dist
dist-again: ## Build dist/ a second time, elsewhere and from nothing, and compare: VERSION and PLATFORMS as before
	test/release/again.sh dist $(VERSION) $(PLATFORMS)
vuln: ## Known vulnerabilities that the programs can reach (needs vuln.go.dev)
	$(GO) mod verify
	@test/release/vuln.sh

##@ Tidy up
.PHONY: clean
clean: ## Remove what was built here (the control plane stays in the cache)
	rm -rf bin dist
