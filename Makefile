# What a person or the CI calls; each line is one script or one command.
# `make run` starts everything, `make test` checks everything.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SWIFT_SOURCES := Package.swift Services Shared Tests

.PHONY: help deps build images test lint fmt coverage tsan e2e clients fuzz bench run stop crash-audit evidence radosgw crash-docker kubernetes-live manifests

help: ## Lists the targets.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12

deps: ## Installs missing Debian and Python packages, where it may.
	@deploy/dev/deps.sh run test bench

run: ## Starts the suite with a demo user; ARGS=--detach leaves it running.
	@deploy/dev/run.sh $(ARGS)

stop: ## Stops what `make run` started.
	@deploy/dev/stop.sh

build: ## Builds the five daemons and the tool (BERTH_BUILD=debug or release).
	@deploy/dev/build.sh

images: ## Builds an image of each process from this machine's programs: BERTH_IMAGES/NAME:BERTH_TAG.
	@deploy/docker/images.sh

test: ## Lint, build, every test, message codes that occurred.
	@deploy/dev/test.sh

e2e: ## Only the end-to-end tests: FILTER=EndToEnd by default.
	@deploy/dev/test.sh --only "$${FILTER:-EndToEnd}"

lint: ## Checks the format of all Swift sources.
	@swift format lint --strict --recursive $(SWIFT_SOURCES)

fmt: ## Formats all Swift sources.
	@swift format --in-place --recursive $(SWIFT_SOURCES)

coverage: ## Runs the tests with coverage; report in var/coverage.
	@deploy/dev/coverage.sh

tsan: ## Runs the tests under ThreadSanitizer.
	@deploy/dev/tsan.sh

fuzz: ## Fuzzes what the SSH engine and the agent read: SECONDS_EACH of each target, 100 by default.
	@deploy/dev/fuzz.sh $${SECONDS_EACH:-100}

crash-audit: ## Kills auditd under load COUNT times (1000), with torn writes, full disks and failing stores, from SEED (1).
	@deploy/dev/crash-audit.sh $${COUNT:-1000} $${SEED:-1}

evidence: ## Changes sample recordings and their ledgers in every way (every bit of every byte; SCOPE=bytes: a bit of each) and counts what is found.
	@BERTH_EVIDENCE=$${SCOPE:-complete} deploy/dev/test.sh --only EvidenceCorpusTests
	@grep "^evidence: " var/test/swift-test.log

radosgw: ## Runs the tests of S3 against Debian's radosgw, which it installs.
	@deploy/dev/radosgw-tests.sh

kubernetes-live: ## Conformance and end-to-end tests on the cluster of KUBECONFIG: BERTH_TEST_NAMESPACE, _IMAGE, _AGENT_IMAGE.
	@BERTH_TEST_CLUSTER=live deploy/dev/test.sh --only 'KubernetesConformanceTests|KubernetesTests|ClusterFaultTests|KubernetesClientTests'

manifests: ## Writes deploy/kubernetes/*.yaml anew from the Helm chart.
	@deploy/kubernetes/render.sh

crash-docker: ## Kills gateways with Docker containers under load, COUNT times (200), and counts what is left.
	@BERTH_CRASH_COUNT=$${COUNT:-200} deploy/dev/test.sh --only DockerCrashTests
	@grep "^seed " var/test/swift-test.log

clients: ## Writes docs/clients.md from the last test run.
	@python3 deploy/dev/clients.py var/test >var/clients.md && mv var/clients.md docs/clients.md

bench: ## Measures beside sshd; ONLY=name picks some, ARGS as for bench.sh.
	@deploy/dev/bench.sh $${ONLY:+--only "$$ONLY"} $(ARGS)
