# What developers type. `make` lists the targets; .ci/run is what CI runs.
#
# The repository holds two modules joined by go.work: the service at the root
# and the client in azattestation. The pattern `work` names the packages of
# both; ./... would stop at the client's go.mod.

# How long to fuzz each target: a duration, or a count of executions such as
# 10000x. The count suits CI: with a duration, Go 1.26 now and then reports a
# failure "context deadline exceeded" that is none (go.dev/issue/75804).
FUZZTIME = 1m
# How long to make an input smaller that finds something new. Requests of TPMs are
# long: minimizing them would take all the time that there is.
FUZZMINIMIZE = 5s
# Where inputs are kept that found something new; the next run begins with them.
FUZZCACHE = $$(go env GOCACHE)/fuzz

# What to benchmark, how often, and in which packages.
BENCH = .
COUNT = 1
PKG = work

# Coverage counts every package of ours, whichever package's test reached it.
COVERPKG = github.com/azattest/azattest/...

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

build: ## build the command into bin/azattest
	go build -trimpath -o bin/azattest ./cmd/azattest

test: ## run the tests of both modules
	go test work

race: ## run them with the race detector
	go test -race work

cover: ## run them with coverage, by package
	go test -coverpkg=$(COVERPKG) -coverprofile=coverage.out work
	@awk -F '[: ]' 'NR > 1 { s[$$1 ":" $$2] = $$3; if ($$4 > 0) hit[$$1 ":" $$2] = 1 } \
	END { for (b in s) { p = b; sub("/[^/]*$$", "", p); sub("^github.com/azattest/azattest/", "", p); \
	all[p] += s[b]; total += s[b]; if (b in hit) { got[p] += s[b]; reached += s[b] } } \
	for (p in all) printf "  %5.1f%%  %s\n", 100 * got[p] / all[p], p | "sort -k 2"; close("sort -k 2"); \
	if (total) printf "  %5.1f%%  of %d statements\n", 100 * reached / total, total }' coverage.out

lint: bin/.tools ## run the linters and check the formatting
	bin/golangci-lint run ./... ./azattestation/...
	cd benchmarks && GOWORK=off ../bin/golangci-lint run ./...

format: bin/.tools ## format the code
	bin/golangci-lint fmt ./... ./azattestation/...

# A package is compiled once for all of its targets: `go test -fuzz` links it for each,
# which takes longer than a short run. A target that was not built is a failure.
fuzz: ## fuzz every target for FUZZTIME (1m) each
	@work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; trap 'exit 130' INT TERM; built=; \
	find . -name '*_test.go' ! -path '*/testdata/*' -exec grep '^func Fuzz[A-Z]' /dev/null {} + | \
	sed 's|^\(.*\)/[^/]*:func \(Fuzz[A-Za-z0-9_]*\).*|\1 \2|' | sort | \
	while read -r dir name; do \
		echo "fuzz $$dir $$name"; \
		if [ "$$dir" != "$$built" ]; then \
			go test -c -fuzz . -o "$$work/fuzz.test" "$$dir" || exit 1; \
			built=$$dir; found=$(FUZZCACHE)/$$(go list "$$dir"); \
			(cd "$$dir" && "$$work/fuzz.test" -test.list '^Fuzz') >"$$work/targets" || exit 1; \
		fi; \
		grep -qx "$$name" "$$work/targets" || { echo "$$name is not built"; exit 1; }; \
		(cd "$$dir" && "$$work/fuzz.test" -test.paniconexit0 -test.run '^$$' -test.fuzz "^$$name\$$" -test.fuzztime $(FUZZTIME) \
			-test.fuzzminimizetime $(FUZZMINIMIZE) -test.fuzzcachedir "$$found") </dev/null || exit 1; \
	done

bench: ## run the benchmarks; compare two outputs with bin/benchstat
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKG)

conformance: sdks ## run Microsoft's own clients against the service
	go test -count=1 -run 'TestOfficialSDKs|TestMatrix|TestResults' ./conformance

sdks: conformance/python/.venv/.installed conformance/javascript/node_modules/.installed ## install those clients, pinned, into ignored folders

# Without dependencies, so that nothing comes that the list does not name; the
# check then finds what it lacks.
conformance/python/.venv/.installed: conformance/python/requirements.txt
	rm -rf conformance/python/.venv
	python3 -m venv conformance/python/.venv
	conformance/python/.venv/bin/pip install --quiet --no-deps -r conformance/python/requirements.txt
	conformance/python/.venv/bin/pip check
	touch $@

conformance/javascript/node_modules/.installed: conformance/javascript/package.json conformance/javascript/package-lock.json
	cd conformance/javascript && npm ci --silent
	touch $@

peers: ## run the benchmarks that stand beside other people's code
	cd benchmarks && GOWORK=off go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) .

tools: bin/.tools ## build the pinned tools into bin

# The tools are a module of their own, outside the workspace. `go tool -modfile`
# is refused while a workspace is active, hence GOWORK=off; the same tools run
# without bin as `GOWORK=off go tool -modfile=tools/go.mod golangci-lint`.
bin/.tools: tools/go.mod tools/go.sum
	mkdir -p bin
	cd tools && GOWORK=off go build -trimpath -o ../bin/ tool
	touch bin/.tools

ci: ## run what CI runs
	bash .ci/run

clean: ## remove what was built and measured
	rm -rf bin dist coverage.out
	go clean -testcache

.PHONY: help build test race cover lint format fuzz bench conformance sdks peers tools ci clean
