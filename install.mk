# make install      programs, library, man pages, completions, unit and rules under PREFIX (with DESTDIR in front)
# make uninstall    takes them away; leaves a /etc/default/hanpipe that was changed
# make deb          hanpipe_*.deb, in build/
# make service-check    the package in a booted container (root, debootstrap, systemd-nspawn)
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
RULESDIR ?= $(PREFIX)/lib/udev/rules.d
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

PROGRAMS := $(sort $(notdir $(wildcard bin/han-*)))
PAGES := $(patsubst man/%.scd,build/man/%,$(wildcard man/*.scd))
VERSION := $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' lib/hanpipe/version.py)
DEB := build/deb/hanpipe-$(VERSION)

.PHONY: install uninstall man completions deb service-check

man: $(PAGES)

build/man/%: man/%.scd
	@mkdir -p build/man
	@scdoc < $< > $@.new && mv $@.new $@

completions:
	@$(PYTHON) completions/make.py build/completions

# What a machine cannot make, for want of scdoc or shtab, is left out with a word; all else is there.
install:
	@$(PYTHON) -c 'import serial, crcmod' 2>/dev/null || echo "to run it: apt install python3-serial python3-crcmod"
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(UNITDIR) $(DESTDIR)$(RULESDIR)
	rm -rf $(DESTDIR)$(PREFIX)/lib/hanpipe
	tar -C lib --exclude=__pycache__ -c hanpipe | tar -C $(DESTDIR)$(PREFIX)/lib --no-same-owner -x
	chmod -R u=rwX,go=rX $(DESTDIR)$(PREFIX)/lib/hanpipe
	$(PYTHON) -m compileall -q $(if $(DESTDIR),-s $(DESTDIR)) $(DESTDIR)$(PREFIX)/lib/hanpipe
	set -e; for program in $(PROGRAMS); do install -m 755 bin/launch.py $(DESTDIR)$(PREFIX)/bin/$$program; done
	set -e; for unit in han.service han@.service; do \
	  sed 's|^ExecStart=|Environment=PATH=$(PREFIX)/bin:/usr/local/bin:/usr/bin:/bin\n&|' "systemd/$$unit" \
	    > "$(DESTDIR)$(UNITDIR)/$$unit"; chmod 644 "$(DESTDIR)$(UNITDIR)/$$unit"; done
	install -m 644 udev/61-hanpipe.rules $(DESTDIR)$(RULESDIR)
	test -e $(DESTDIR)$(SYSCONFDIR)/default/hanpipe || \
	  install -D -m 644 systemd/hanpipe.default $(DESTDIR)$(SYSCONFDIR)/default/hanpipe
	@if command -v scdoc >/dev/null; then $(MAKE) --no-print-directory man install-man; \
	  else echo "no man pages: apt install scdoc"; fi
	@if $(PYTHON) -c 'import shtab' 2>/dev/null; then $(MAKE) --no-print-directory completions install-completions; \
	  else echo "no completions: apt install python3-shtab"; fi

.PHONY: install-man install-completions
install-man:
	install -d $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man7
	install -m 644 $(filter %.1,$(PAGES)) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(filter %.7,$(PAGES)) $(DESTDIR)$(MANDIR)/man7

install-completions:
	install -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	set -e; for program in $(PROGRAMS); do \
	  install -m 644 build/completions/$$program.bash $(DESTDIR)$(BASHDIR)/$$program; \
	  install -m 644 build/completions/$$program.zsh $(DESTDIR)$(ZSHDIR)/_$$program; \
	  install -m 644 build/completions/$$program.fish $(DESTDIR)$(FISHDIR); done

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/lib/hanpipe
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(PROGRAMS))
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,han.service han@.service) $(DESTDIR)$(RULESDIR)/61-hanpipe.rules
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man1/,$(addsuffix .1,$(PROGRAMS))) $(DESTDIR)$(MANDIR)/man7/hanpipe.7
	rm -f $(addprefix $(DESTDIR)$(BASHDIR)/,$(PROGRAMS)) $(addprefix $(DESTDIR)$(ZSHDIR)/_,$(PROGRAMS))
	rm -f $(addprefix $(DESTDIR)$(FISHDIR)/,$(addsuffix .fish,$(PROGRAMS)))
	! cmp -s systemd/hanpipe.default $(DESTDIR)$(SYSCONFDIR)/default/hanpipe || \
	  rm $(DESTDIR)$(SYSCONFDIR)/default/hanpipe

# In a copy of the tree, with Debian's own Python: apt install build-essential, and what debian/control names.
deb:
	@rm -rf build/deb && mkdir -p $(DEB)
	@tar --exclude=__pycache__ --exclude='*.egg-info' -c bin completions debian lib man pyproject.toml systemd udev \
	  README.md LICENSE CHANGELOG.md | tar -C $(DEB) -x
	@cd $(DEB) && PATH=/usr/bin:/bin:/usr/sbin:/sbin dpkg-buildpackage -us -uc -b
	@mv build/deb/hanpipe_*.deb build/ && ls build/hanpipe_*.deb

service-check: deb
	tests/service/booted.sh build/hanpipe_$(VERSION)_all.deb
