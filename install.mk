# make install        programs, library, man pages, completions, unit and rules to DESTDIR/PREFIX
# make uninstall      removes them, except settings in /etc/default that were changed
# make dist           dist/: the wheel and the source archive, the same octets for the same commit
# make deb            build/hanpipe_*.deb; needs build-essential and the packages in debian/control
# make deb-check      lintian, and the package in a clean Debian; needs root, debootstrap and lintian
# make service-check  the service in a booted container; needs root, debootstrap and systemd-nspawn
#                     BASE=TREE for either: a tree made before (tests/service/clean_tree.sh)
PYTHON ?= python3
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
RULESDIR ?= $(PREFIX)/lib/udev/rules.d
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

PROGRAMS := $(notdir $(wildcard bin/han-*))
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' lib/hanpipe/__init__.py)
# The installed programs and the service look for python3 here, not in the checkout's .venv.
RUN_PATH = $(PREFIX)/bin:/usr/local/bin:/usr/bin:/bin
SHAREDIR ?= $(PREFIX)/share/hanpipe
DEFAULTS = $(DESTDIR)$(SYSCONFDIR)/default
UNITS = han.service han@.service han-web.service

WRITE_MAN = mkdir -p build/man && for page in man/*.scd; do \
  scdoc < $$page > build/man/$$(basename $$page .scd) || exit 1; done
# A Python that has shtab: the checkout's, Debian's, or an empty word.
FIND_SHTAB = for python in $(PYTHON) /usr/bin/python3 ""; do $$python -c 'import shtab' 2>/dev/null && break; done

.PHONY: install install-programs install-wireshark install-service install-man install-completions uninstall man completions dist deb
.PHONY: deb-check service-check

install: install-programs install-wireshark install-service install-man install-completions

install-programs:
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib
	rm -rf $(DESTDIR)$(PREFIX)/lib/hanpipe
	tar -C lib --exclude=__pycache__ -c hanpipe | tar -C $(DESTDIR)$(PREFIX)/lib --no-same-owner -x
	chmod -R u=rwX,go=rX $(DESTDIR)$(PREFIX)/lib/hanpipe
	PATH=$(RUN_PATH) python3 -m compileall -q $(if $(DESTDIR),-s $(DESTDIR) -p /) $(DESTDIR)$(PREFIX)/lib/hanpipe
	@for program in $(PROGRAMS); do install -m 755 bin/launch.py $(DESTDIR)$(PREFIX)/bin/$$program || exit 1; done
	@PATH=$(RUN_PATH) python3 -c 'import serial, crcmod' 2>/dev/null || \
	  echo "the programs need two packages: apt install python3-serial python3-crcmod"

install-wireshark:
	install -D -m 644 wireshark/hanpipe.lua $(DESTDIR)$(SHAREDIR)/hanpipe.lua

install-service:
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(RULESDIR)
	@for unit in $(UNITS); do \
	  sed 's|^ExecStart=|Environment=PATH=$(RUN_PATH)\n&|' systemd/$$unit > $(DESTDIR)$(UNITDIR)/$$unit && \
	  chmod 644 $(DESTDIR)$(UNITDIR)/$$unit || exit 1; done
	install -m 644 udev/61-hanpipe.rules $(DESTDIR)$(RULESDIR)
	@for name in hanpipe han-web; do \
	  test -e $(DEFAULTS)/$$name || install -D -m 644 systemd/$$name.default $(DEFAULTS)/$$name || exit 1; done

install-man:
	@if ! command -v scdoc > /dev/null; then echo "no man pages: apt install scdoc"; else $(WRITE_MAN); \
	  install -d $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man7 && \
	  install -m 644 build/man/*.1 $(DESTDIR)$(MANDIR)/man1 && \
	  install -m 644 build/man/*.7 $(DESTDIR)$(MANDIR)/man7; fi

install-completions:
	@$(FIND_SHTAB); if [ -z "$$python" ]; then echo "no completions: apt install python3-shtab"; else \
	  $$python completions/make.py build/completions && install -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR) && \
	  for program in $(PROGRAMS); do \
	    install -m 644 build/completions/$$program.bash $(DESTDIR)$(BASHDIR)/$$program && \
	    install -m 644 build/completions/$$program.zsh $(DESTDIR)$(ZSHDIR)/_$$program && \
	    install -m 644 build/completions/$$program.fish $(DESTDIR)$(FISHDIR) || exit 1; done; fi

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/lib/hanpipe $(DESTDIR)$(SHAREDIR)
	rm -f $(PROGRAMS:%=$(DESTDIR)$(PREFIX)/bin/%)
	rm -f $(UNITS:%=$(DESTDIR)$(UNITDIR)/%) $(DESTDIR)$(RULESDIR)/61-hanpipe.rules
	rm -f $(PROGRAMS:%=$(DESTDIR)$(MANDIR)/man1/%.1) $(DESTDIR)$(MANDIR)/man7/hanpipe.7
	rm -f $(PROGRAMS:%=$(DESTDIR)$(BASHDIR)/%) $(PROGRAMS:%=$(DESTDIR)$(ZSHDIR)/_%) $(PROGRAMS:%=$(DESTDIR)$(FISHDIR)/%.fish)
	@for name in hanpipe han-web; do \
	  ! cmp -s systemd/$$name.default $(DEFAULTS)/$$name || rm $(DEFAULTS)/$$name || exit 1; done

man:
	@$(WRITE_MAN)

completions:
	@$(FIND_SHTAB); $${python:?apt install python3-shtab} completions/make.py build/completions

# In a fresh clone, so that nothing uncommitted gets in. The source archive is packed again without the times and owners
# that differ from run to run.
dist: EPOCH = $(shell git log -1 --format=%ct)
dist: .venv/dev
	@rm -rf dist build/dist && mkdir -p dist build/dist && git clone -q . build/dist/clone
	@cd build/dist/clone && SOURCE_DATE_EPOCH=$(EPOCH) $(CURDIR)/.venv/bin/python -m build --outdir .. . > ../log || { cat ../log; exit 1; }
	@cd build/dist && tar -xf hanpipe-$(VERSION).tar.gz && mv *.whl ../../dist
	@cd build/dist && tar --sort=name --mtime=@$(EPOCH) --owner=0 --group=0 --numeric-owner -c hanpipe-$(VERSION) | \
	  gzip -n > ../../dist/hanpipe-$(VERSION).tar.gz
	@rm -rf build/dist && sha256sum dist/*

# In a copy of the tree, with Debian's own Python.
deb: TREE = build/deb/hanpipe-$(VERSION)
deb:
	@rm -rf build/deb build/hanpipe_*.deb && mkdir -p $(TREE)
	@tar --exclude=__pycache__ --exclude='*.egg-info' -c bin completions debian lib man pyproject.toml setup.py systemd udev wireshark \
	  README.md LICENSE CHANGELOG.md | tar -C $(TREE) -x
	@cd $(TREE) && PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg-buildpackage -us -uc -b
	@mv build/deb/hanpipe_*.deb build/ && rm -r build/deb && ls build/hanpipe_*.deb

deb-check: deb
	tests/service/installed.sh build/hanpipe_$(VERSION)_all.deb $(BASE)

service-check: deb
	tests/service/booted.sh build/hanpipe_$(VERSION)_all.deb $(BASE)
