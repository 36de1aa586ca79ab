# SPDX-License-Identifier: AGPL-3.0-or-later
#
# make demo    build, make the sample register, print its figures, serve its pages
# make test    every test, the browser's too
# make help    the other targets

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

export CGO_ENABLED := 0

DEMO    ?= demo
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
GOBIN   := $(CURDIR)/bin
LINT    := $(GOBIN)/golangci-lint
LINT_VERSION := v2.15.0
FUZZTIME ?= 20s

.PHONY: help
help: ## say what each target does
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "%-8s %s\n", $$1, $$2}'

.PHONY: build
build: go ## the program, in bin/kua
	go build -ldflags '-X main.version=$(VERSION)' -o bin/kua ./cmd/kua

.PHONY: demo
demo: build ## the sample register: its figures, then its pages on loopback
	bin/kua demo $(DEMO)

.PHONY: test
test: go browser postgres typed ## every test, those in Chromium and in PostgreSQL too
	go test -timeout 20m -tags e2e ./internal/web ./cmd/kua ./internal/registry ./internal/dossier ./... # the longest first

.PHONY: race
race: go ## the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./...

.PHONY: fuzz
fuzz: go ## every fuzz target for FUZZTIME (20s) each
	@for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

.PHONY: fuzz-formats
fuzz-formats: ## every reader of other systems' files for ten minutes
	@for pkg in $$(go list ./internal/foreign/...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime 10m -fuzzminimizetime 10x $$pkg || exit 1; \
	  done; \
	done

.PHONY: golden
golden: go ## write the golden files anew; look at the difference before you commit it
	go test -run Golden $$(grep -rl 'flag.Bool("update"' --include=*_test.go . | xargs -n 1 dirname | sort -u) -update

.PHONY: e2e
e2e: go browser ## only the tests that drive a browser
	go test -tags e2e -run E2E -count 1 -v ./internal/web/... ./internal/reporting ./internal/pocket

SHOTS ?= shots

.PHONY: stories
stories: go browser ## the three stories typed through the pages in all twelve ways, with pictures in SHOTS
	mkdir -p $(SHOTS)
	go test -tags e2e -run E2EStories -count 1 -timeout 30m -v ./internal/web -thorough -shots $(abspath $(SHOTS))

.PHONY: pictures
pictures: go browser ## the handbook's pictures of pages that have changed, in each language; look at them before you commit
	go test -tags e2e -run E2EPictures -count 1 -v ./internal/web -pictures

.PHONY: stores
stores: go $(GOBIN)/versitygw $(GOBIN)/minio ## real servers that speak S3, built into bin (minutes), and the driver tried on them
	go test -tags e2e -run RealStores -count 1 -v ./internal/bucket

$(GOBIN)/versitygw:
	GOBIN=$(GOBIN) go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

$(GOBIN)/minio:
	GOBIN=$(GOBIN) go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

.PHONY: sealing
sealing: ## the script of others that seals in the browser, made anew from what npm pins; it must come out the same
	internal/reporting/sealing/make.sh
	cd internal/reporting/static && sha256sum -c ../sealing/SHA256SUMS

.PHONY: lint
lint: go $(LINT) ## vet, and the walls of the house
	go vet -tags e2e ./...
	$(LINT) run --build-tags e2e

$(LINT):
	GOBIN=$(GOBIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

.PHONY: bench
bench: build ## the figures of docs/performance.md
	go test -run '^$$' -bench . -benchtime 1s ./internal/...
	go run ./bench/register

LOAD_CASES ?= 10000
WORKERS ?= 500
PROGRAMS ?= 50
LOAD_DIR := bin/bench/register-$(LOAD_CASES)

.PHONY: moved
moved: go ## MOVES (100) registers made up, archived, taken in elsewhere and archived again: the same cases, history and figures
	go test ./internal/registry -run TestArchiveMovesARegister -count 1 -timeout 30m -v -args -moves $(or $(MOVES),100)

RECORDS ?= 1000000

.PHONY: bench-archive
bench-archive: bench-generate ## RECORDS (a million) entries archived and read; registers of a quarter of LOAD_CASES and of LOAD_CASES exported, sealed, and taken into empty ones, which must hand out the same
	go run ./bench/archive -records $(RECORDS)
	bin/kua bench generate $(LOAD_DIR)-quarter --cases $$(( $(LOAD_CASES) / 4 )) --members 12
	go run ./bench/archive -records 0 -kua bin/kua $(LOAD_DIR)-quarter $(LOAD_DIR)

.PHONY: bench-generate
bench-generate: build ## a register of LOAD_CASES (10000) cases of people who do not exist, in bin/bench; kept, and gone on with
	bin/kua bench generate $(LOAD_DIR) --cases $(LOAD_CASES) --members 125

.PHONY: bench-backup
bench-backup: bench-generate ## a register of LOAD_CASES with four files of 25 MB: backed up, again after a day's work, read again, restored, rehearsed
	go run ./bench/backup -kua bin/kua -registry $(LOAD_DIR) -cases $(LOAD_CASES)

.PHONY: bench-load
bench-load: bench-generate ## WORKERS (500) case workers at its pages, thinking 10 s and less, then what it can carry
	go build -o bin/load ./bench/load
	bin/load -registry $(LOAD_DIR) -kua bin/kua -workers $(WORKERS) -think 10s,5s,2s,0

.PHONY: bench-programs
bench-programs: bench-generate ## PROGRAMS (50) programs with keys at the interface for programs, thinking 1 s, then what it can carry
	go build -o bin/load ./bench/load
	bin/load -registry $(LOAD_DIR) -kua bin/kua -programs -workers $(PROGRAMS) -think 1s,0

.PHONY: bench-machines
bench-machines: build postgres ## what one machine carries and what two on one PostgreSQL do, each with a share of a processor; root
	bin/kua bench generate bin/bench/register-2000 --cases 2000 --members 10
	go build -o bin/load ./bench/load
	bin/load -registry bin/bench/register-2000 -kua bin/kua -machines

SEED ?= 1
DAYS ?= 14

.PHONY: coalition
coalition: go ## three organisations' nodes and a relay in network namespaces: DAYS (14) of work drawn from SEED; root
	go build -o bin/coalition ./bench/coalition
	bin/coalition -seed $(SEED) -days $(DAYS) -cases 10

REPORTS ?= 1000
REPORTS_LAST ?= 10m

.PHONY: bench-reports
bench-reports: build ## REPORTS (1000) reports of 1 MB from outside in REPORTS_LAST (10m), beside 50 case workers at 2,000 cases: pages, memory, none lost
	bin/kua bench generate bin/bench/register-2000 --cases 2000 --members 10
	go build -o bin/load ./bench/load
	bin/load -registry bin/bench/register-2000 -kua bin/kua -workers 50 -think 10s -reports $(REPORTS) -lasts $(REPORTS_LAST)

.PHONY: large-report
large-report: go ## a file of 2 GiB from outside over a line that is cut at every piece, to a server that is killed, and into a case; 8 GB of disk
	go test -run LargeFileFromOutside -count 1 -timeout 1h -v ./cmd/kua -thorough

.PHONY: killed
killed: go ## an upgrade killed at 50 moments, backups and restores at 12 each, files of 1 GB at 20 (minutes)
	go test -run 'UpgradeKilled|BackupAndRestoreKilled|FileKilled' -count 1 -timeout 1h -v ./cmd/kua -thorough

SIZE ?= 20GB

.PHONY: bench-evidence
bench-evidence: go ## a file of SIZE (20GB) made up and sealed with the vault and with age: speed, and memory at the most
	go run ./bench/evidence -size $(SIZE)

.PHONY: bench-bucket
bench-bucket: go $(GOBIN)/versitygw ## as bench-evidence, and to a bucket of versitygw on this machine and back
	go run ./bench/evidence -size $(SIZE) -store bin/versitygw

RUNS ?= 200
SEED ?= 0

.PHONY: faults
faults: go postgres ## RUNS (200) runs in which databases, nodes, lines, disks and clocks fail, from SEED (0: drawn); as root
	go run ./bench/faults -runs $(RUNS) -seed $(SEED)

CASES ?= 1000000

.PHONY: coverage
coverage: go ## how often an interval of an estimate holds the truth, over populations that are made up
	go run ./bench/coverage

.PHONY: bench-counts
bench-counts: go ## counts at CASES (a million) cases, beside PostgreSQL 15 over normalised tables
	go run ./bench/counts -cases $(CASES)

QUESTIONS ?= 100000

.PHONY: bench-questions
bench-questions: go ## twelve questions of a day's work, of QUESTIONS (100000) cases, beside PostgreSQL 15
	go run ./bench/counts -questions -cases $(QUESTIONS)

SPLINK := $(GOBIN)/peers/splink
ROWS ?= 1000000

.PHONY: bench-peers
bench-peers: build bench-questions $(SPLINK)/bin/python ## bench-questions; linkage at ROWS (a million) rows and on the public sets, beside Splink in the same run
	go run ./bench/peers/splink -rows $(ROWS) -python $(SPLINK)/bin/python

.PHONY: bench-peers-10m
bench-peers-10m: build ## ten million rows linked, by kua alone
	go run ./bench/peers/splink -rows 10000000 -memory 12GB -sets ''

$(SPLINK)/bin/python:
	python3 -m venv $(SPLINK)
	$(SPLINK)/bin/pip install --quiet splink==5.0.0 duckdb==2.0.1

# The peer of bench-peers-encoded is installed from PyPI into an environment of its own.
ANONLINK := $(GOBIN)/peers/anonlink

.PHONY: bench-peers-encoded
bench-peers-encoded: go $(ANONLINK)/bin/python ## encoded lists compared here and by anonlink, same filters, same machine
	go run ./bench/peers/anonlink -python $(ANONLINK)/bin/python

$(ANONLINK)/bin/python:
	python3 -m venv $(ANONLINK)
	$(ANONLINK)/bin/pip install -q anonlink==0.15.3 || { rm -rf $(ANONLINK); exit 1; }

# What tries the interface for programs is installed from PyPI into an environment of its own.
SCHEMATHESIS := $(GOBIN)/schemathesis
ASKED ?= 600

.PHONY: schemathesis
schemathesis: go $(SCHEMATHESIS)/bin/schemathesis ## the interface for programs asked for ASKED (600) seconds by schemathesis, with good and bad keys: no 5xx, nothing outside its document, nothing of others
	go run ./bench/schemathesis -schemathesis $(SCHEMATHESIS)/bin/schemathesis -seconds $(ASKED)

$(SCHEMATHESIS)/bin/schemathesis:
	python3 -m venv $(SCHEMATHESIS)
	$(SCHEMATHESIS)/bin/pip install -q schemathesis==4.32.5 || { rm -rf $(SCHEMATHESIS); exit 1; }

.PHONY: release
release: go ## programs, Debian packages, container file, SBOMs and checksums of this commit, in dist
	packaging/release.sh dist

.PHONY: reproducible
reproducible: go ## the release of this commit twice, in two places: the same bytes (minutes)
	packaging/reproducible.sh

.PHONY: bare-debian
bare-debian: go ## the package of this commit in a bare Debian: installed, a case, a backup, wiped, restored, purged; as root
	@command -v debootstrap >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap curl >/dev/null; }
	ARCHES=$$(dpkg --print-architecture) packaging/release.sh bin/bare-debian
	packaging/bare-debian.sh bin/bare-debian/kua_*.deb

.PHONY: container
container: go ## the container of this commit built and run as its file says: a register made, locked, found again; as root
	@command -v podman >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends podman runc curl >/dev/null; }
	ARCHES=$$(dpkg --print-architecture) packaging/release.sh bin/container
	packaging/container.sh bin/container

.PHONY: systemd
systemd: go ## the package of this commit in a Debian that systemd boots: what the service may and may not; as root
	@command -v systemd-nspawn debootstrap pgrep >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap systemd-container procps curl >/dev/null; }
	ARCHES=$$(dpkg --print-architecture) packaging/release.sh bin/systemd
	packaging/systemd.sh bin/systemd/kua_*.deb

.PHONY: check
check: lint test ## what must be green before a commit lands

.PHONY: go
go:
	@command -v go >/dev/null || { echo "make: no go command: install Go 1.26 or newer from go.dev/dl, then run make again" >&2; exit 1; }

# Chromium drives the browser tests; on Debian it is installed if it is missing.
.PHONY: browser
browser:
	@command -v chromium-headless-shell >/dev/null && exit 0; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell fonts-noto-core >/dev/null; \
	else \
	  echo "make: the browser tests need chromium-headless-shell: apt-get install chromium-headless-shell fonts-noto-core" >&2; exit 1; \
	fi

# What the handbook shows to those who write programs is typed with these.
.PHONY: typed
typed:
	@command -v curl >/dev/null && command -v python3 >/dev/null && exit 0; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends curl python3 >/dev/null; \
	else \
	  echo "make: a test of the handbook needs curl and python3: apt-get install curl python3" >&2; exit 1; \
	fi

# The tests of the store in PostgreSQL start a server of their own; on Debian it is installed if it is missing.
.PHONY: postgres
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && exit 0; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; \
	else \
	  echo "make: PostgreSQL is not installed, its tests are skipped: apt-get install postgresql" >&2; \
	fi
