# Faults by seeds, and five questions afterwards: make chaos [SEED=7] [FORM=one|many] [SIZE=small|large] [FOR=120s]
# [SITES=1000] [ONLY=kill-worker,mail-away]. Without SEED those of every run; see tests/chaos/README.md.
chaos: deps-test
	@$(MAKE) --no-print-directory -s -j2 all
	@VEDETTE_BIN=$(abspath $(B))/bin /usr/bin/python3 -m pytest -q -s tests/chaos $(if $(SIZE),-k $(SIZE)) $(if $(SEED),--seed $(SEED)) \
	    $(if $(FOR),--for $(FOR)) $(if $(FORM),--form $(FORM)) $(if $(SITES),--sites $(SITES)) $(if $(ONLY),--only $(ONLY))
.PHONY: chaos
