# make help: what there is. Needs: Rust (stable), a Linux; `make test` says what else and installs it where it may.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
BINARIES = ptpd phc-sync ts2phc pmc
# Seconds per target; longer runs: make fuzz FUZZ_SECONDS=3600.
FUZZ_SECONDS ?= 60

.PHONY: help build demo simulator install-simulator test test-setup fmt lint doc bench fuzz install uninstall clean

help:
	@echo 'make demo      watch a grandmaster, a boundary clock and two clients synchronise (no root needed)'
	@echo 'make simulator rehearse configurations in simulated time: docs/rehearsing.md'
	@echo 'make build     release binaries in target/release'
	@echo 'make test      install what tests need, run them all, say what was skipped'
	@echo 'make install   build and install to PREFIX (now $(PREFIX)); DESTDIR is honoured'
	@echo 'make fmt lint doc bench fuzz clean'

build:
	$(CARGO) build --release --bins -p ptpd -p phc-sync -p ts2phc -p pmc

# The tour of the house. Options: make demo DEMO='--calm 60' (see --help).
demo:
	$(CARGO) build --release -p ptpd -p hil-tests --bin ptpd --bin escapement-demo
	@target/release/escapement-demo $(DEMO)

# Rehearses configurations; an operator's program, built with the tests' tools.
simulator:
	$(CARGO) build --release -p hil-tests --bin escapement-sim

install-simulator: simulator
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 target/release/escapement-sim $(DESTDIR)$(PREFIX)/bin/

test-setup:
	@hil-tests/setup

test: test-setup
	@hil-tests/run-tests

fmt:
	$(CARGO) fmt --all

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps

bench:
	$(CARGO) bench --workspace

fuzz:
	for target in message roundtrip tlv management; do \
		crates/wire/fuzz/run $$target -max_total_time=$(FUZZ_SECONDS) || exit 1; done

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/escapement/profiles \
		$(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 0644 docs/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 0644 docs/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	for binary in $(BINARIES); do install -m 0755 target/release/$$binary $(DESTDIR)$(PREFIX)/bin/ || exit 1; done
	install -m 0644 docs/ptpd.schema.json $(DESTDIR)$(PREFIX)/share/escapement/
	for profile in profiles/*.yaml; do \
		if [ -e $$profile ]; then install -m 0644 $$profile $(DESTDIR)$(PREFIX)/share/escapement/profiles/ || exit 1; fi; done

uninstall:
	for binary in $(BINARIES) escapement-sim; do rm -f $(DESTDIR)$(PREFIX)/bin/$$binary; done
	rm -rf $(DESTDIR)$(PREFIX)/share/escapement
	for page in docs/man/*.[58]; do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done

clean:
	$(CARGO) clean
