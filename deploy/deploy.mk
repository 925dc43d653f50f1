# Running it, installing it, and what it needs.

deps:
	@deploy/deps.sh --say build test bench
deps-build:
	@deploy/deps.sh build
deps-test:
	@deploy/deps.sh build test
deps-bench:
	@deploy/deps.sh build test bench
deps-deploy:
	@deploy/deps.sh build test deb deploy

# A fresh store, an example list and a village of local sites that misbehave:
#     make run            until Ctrl-C
#     make run FOR=40s    for so long           make run SITES=my.yaml   another list
#     make run KEEP=FOLDER   keeps the store there; else it is thrown away at the end
run: deps-build
	@$(MAKE) --no-print-directory -s -j2 VARIANT=release all
	@/usr/bin/python3 deploy/example/run.py --bin $(BUILD)/release/bin $(if $(FOR),--for $(FOR)) $(if $(SITES),--sites $(SITES)) $(if $(KEEP),--keep $(KEEP))

PREFIX     ?= /usr/local
DESTDIR    ?=
SYSCONFDIR ?= /etc
install:
	@$(MAKE) --no-print-directory VARIANT=release all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
	    $(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	    $(DESTDIR)$(PREFIX)/share/doc/vedette/examples
	install $(PROGRAMS:%=$(BUILD)/release/bin/%) $(DESTDIR)$(PREFIX)/bin
	for page in deploy/man/*.[1-8]; do \
	    install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; done
	install -m 644 deploy/completion/vedette $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vedette
	ln -sf vedette $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vedette-loadgen
	install -m 644 deploy/config/vedette.yaml deploy/config/sites.yaml deploy/page/bot.html $(DESTDIR)$(PREFIX)/share/doc/vedette/examples
	install -m 644 deploy/prometheus/vedette.rules.yml deploy/prometheus/prometheus.yml $(DESTDIR)$(PREFIX)/share/doc/vedette/examples
	install -m 644 deploy/grafana/vedette.json $(DESTDIR)$(PREFIX)/share/doc/vedette/examples/vedette-grafana.json
	install deploy/example/receive.py $(DESTDIR)$(PREFIX)/share/doc/vedette/examples
	install -d $(DESTDIR)$(SYSCONFDIR)/sysctl.d $(DESTDIR)$(SYSCONFDIR)/vedette $(DESTDIR)$(PREFIX)/lib/systemd/system \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)$(PREFIX)/share/vedette
	install -m 644 deploy/sysctl.d/60-vedette.conf $(DESTDIR)$(SYSCONFDIR)/sysctl.d
	@# Settings are the administrator's once they are there.
	for file in vedette.yaml worker.yaml; do \
	    [ -e $(DESTDIR)$(SYSCONFDIR)/vedette/$$file ] || \
	        install -m 640 deploy/config/host/$$file $(DESTDIR)$(SYSCONFDIR)/vedette; done
	install -m 644 deploy/config/host/no-sites.yaml $(DESTDIR)$(PREFIX)/share/vedette
	for user in vedette vedette-worker; do for what in sysusers tmpfiles; do \
	    install -m 644 deploy/systemd/$$user.$$what $(DESTDIR)$(PREFIX)/lib/$$what.d/$$user.conf; done; done
	for unit in deploy/systemd/*.service; do \
	    sed 's|@PREFIX@|$(PREFIX)|g' $$unit > $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; done
	install -m 644 README.md HACKING.md ARCHITECTURE.md CHANGELOG.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/vedette
uninstall:
	rm -f $(PROGRAMS:%=$(DESTDIR)$(PREFIX)/bin/%) $(DESTDIR)$(PREFIX)/share/man/man[1578]/vedette* \
	    $(DESTDIR)$(PREFIX)/share/man/man5/sites.yaml.5 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vedette $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vedette-loadgen
	rm -f $(DESTDIR)$(SYSCONFDIR)/sysctl.d/60-vedette.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/vedette*.conf \
	    $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/vedette*.conf $(DESTDIR)$(PREFIX)/lib/systemd/system/vedette-*.service
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/vedette $(DESTDIR)$(PREFIX)/share/vedette

# Debian packages of this working copy, in build/deb; lintian has nothing to say about them.
deb: deps-deploy
	@deploy/deb.sh $(BUILD)/deb

# What is shipped for machines other than this one, tried on machines that are made for it:
# tests/deploy/README.md. Needs root and a Debian mirror.
deploy-check: deb
	@$(MAKE) --no-print-directory -s -j2 all
	@/usr/bin/python3 -m pytest -p no:cacheprovider tests/deploy

.PHONY: deps deps-build deps-test deps-bench deps-deploy run install uninstall deb deploy-check
