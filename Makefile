# Inclavare. `make help` lists the targets.
SHELL := /bin/sh
PREFIX ?= /usr/local
ARCH := $(if $(filter x86_64,$(shell uname -m)),x64,arm64)
NODE := node_modules/node-linux-$(ARCH)/bin/node
.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: ## install what is missing (Debian packages as root, npm packages, the pinned Node.js) and build
	@tools/setup.sh

.PHONY: demo
demo: setup ## the whole chain on the simulated platform: convert, sign, run, attest, secret, and three attacks
	@dist/bin/inclavare demo --save demo-out

.PHONY: test
test: ## every check: format, lint, types, boundaries, unused code, unit, integration, end to end
	@tools/setup.sh test
	@$(NODE) tools/check.ts

.PHONY: bench
bench: setup ## ratios against peers, as a table
	@$(NODE) bench/main.ts

.PHONY: install
install: setup ## install to PREFIX (default /usr/local)
	@$(NODE) tools/install.ts install "$(PREFIX)"

.PHONY: uninstall
uninstall: ## remove what install put into PREFIX
	@$(NODE) tools/install.ts uninstall "$(PREFIX)"

.PHONY: clean
clean: ## remove what was built and installed below this folder
	rm -rf dist node_modules
