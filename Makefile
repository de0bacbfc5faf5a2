# make help: what there is. Needs: Rust (stable), a Linux; `make test` says what else and installs it where it may.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
BINARIES = ptpd phc-sync ts2phc pmc
# Seconds per target; longer runs: make fuzz FUZZ_SECONDS=3600.
FUZZ_SECONDS ?= 60

SYSCONFDIR ?= /etc
LINUXPTP_NAMES ?= no
PROFILE_DIR ?= target/release
NAMES = ptp4l phc2sys phc_ctl hwstamp_ctl nsm
D = $(DESTDIR)$(PREFIX)
COMPLETIONS = $(D)/share/bash-completion/completions $(D)/share/zsh/vendor-completions $(D)/share/fish/vendor_completions.d

.PHONY: help build demo simulator install-simulator test test-setup fmt lint doc bench fuzz install install-files uninstall \
	deb book clean

help:
	@echo 'make demo      watch a grandmaster, a boundary clock and two clients synchronise (no root needed)'
	@echo 'make simulator rehearse configurations in simulated time: docs/rehearsing.md'
	@echo 'make build     release binaries in target/release'
	@echo 'make test      install what tests need, run them all, say what was skipped'
	@echo 'make install   build and install to PREFIX (now $(PREFIX)); DESTDIR and SYSCONFDIR are honoured'
	@echo '               LINUXPTP_NAMES=yes: links ptp4l, phc2sys, phc_ctl, hwstamp_ctl and nsm, too'
	@echo 'make deb       a Debian package (needs cargo-deb); make book: the documentation as a book (needs mdbook)'
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

# PROFILE_DIR: where the binaries are. LINUXPTP_NAMES=yes: ptp4l, phc2sys, phc_ctl, hwstamp_ctl and nsm, too, as links.
install: build
	@$(MAKE) --no-print-directory install-files

install-files:
	install -d $(D)/sbin $(D)/share/escapement/profiles $(D)/share/man/man5 $(D)/share/man/man8 $(D)/share/doc/escapement \
		$(D)/lib/systemd/system $(COMPLETIONS) $(DESTDIR)$(SYSCONFDIR)/escapement
	for binary in $(BINARIES); do install -m 0755 $(PROFILE_DIR)/$$binary $(D)/sbin/ || exit 1; done
	install -m 0644 docs/man/*.5 $(D)/share/man/man5/
	install -m 0644 docs/man/*.8 $(D)/share/man/man8/
	install -m 0644 docs/ptpd.schema.json docs/phc-sync.schema.json docs/ts2phc.schema.json $(D)/share/escapement/
	install -m 0644 profiles/*.yaml $(D)/share/escapement/profiles/
	install -m 0644 README.md CHANGELOG.md SECURITY.md docs/*.md $(D)/share/doc/escapement/
	install -m 0644 packaging/completions/*.bash $(D)/share/bash-completion/completions/
	for f in $(D)/share/bash-completion/completions/*.bash; do mv -f $$f $${f%.bash}; done
	install -m 0644 packaging/completions/_* $(D)/share/zsh/vendor-completions/
	install -m 0644 packaging/completions/*.fish $(D)/share/fish/vendor_completions.d/
	for unit in packaging/systemd/*; do \
		sed -e 's|/usr/sbin/|$(PREFIX)/sbin/|' -e 's| /etc/escapement/| $(SYSCONFDIR)/escapement/|' $$unit \
			>$(D)/lib/systemd/system/$${unit##*/} && chmod 0644 $(D)/lib/systemd/system/$${unit##*/} || exit 1; done
	for file in packaging/etc/*.yaml; do \
		[ -e $(DESTDIR)$(SYSCONFDIR)/escapement/$${file##*/} ] || \
			install -m 0644 $$file $(DESTDIR)$(SYSCONFDIR)/escapement/ || exit 1; done
	if [ '$(LINUXPTP_NAMES)' = yes ]; then for name in $(NAMES); do \
		ln -sf $$(readlink packaging/linuxptp-names/$$name) $(D)/sbin/$$name && \
		install -m 0644 packaging/linuxptp-names/$$name.8 $(D)/share/man/man8/ || exit 1; done; fi

# Configuration files stay, as do state files.
uninstall:
	for binary in $(BINARIES); do rm -f $(D)/sbin/$$binary; done
	rm -f $(D)/bin/escapement-sim
	for name in $(NAMES); do if [ -L $(D)/sbin/$$name ] && \
		[ "$$(readlink $(D)/sbin/$$name)" = "$$(readlink packaging/linuxptp-names/$$name)" ]; then rm -f $(D)/sbin/$$name; fi; \
		page=$(D)/share/man/man8/$$name.8; if cmp -s packaging/linuxptp-names/$$name.8 $$page; then rm -f $$page; fi; done
	rm -rf $(D)/share/escapement $(D)/share/doc/escapement
	for page in docs/man/*.[58]; do rm -f $(D)/share/man/man$${page##*.}/$${page##*/}; done
	for unit in packaging/systemd/*; do rm -f $(D)/lib/systemd/system/$${unit##*/}; done
	for binary in $(BINARIES); do rm -f $(D)/share/bash-completion/completions/$$binary \
		$(D)/share/zsh/vendor-completions/_$$binary $(D)/share/fish/vendor_completions.d/$$binary.fish; done

# A Debian package in target/debian; needs `cargo install cargo-deb --locked`.
deb: build
	$(CARGO) deb -p ptpd --no-build

# The documentation as a book in target/book; needs `cargo install mdbook --locked`.
book:
	@command -v mdbook >/dev/null || { echo 'make book needs mdbook: cargo install mdbook --locked'; exit 1; }
	mdbook build

clean:
	$(CARGO) clean
