# make run     the whole pipe on an example, live (DEVICE=/dev/ttyUSB0: on a real port)
# make web     the page of han-web on a simulated meter
# make test    the quick tests, in a minute; test-slow: all others
# make lint    format, style, types
# make english phrases that plain English avoids, counted
# make bench   speed, side by side with others; bench-web: han-web
# make pictures  the pictures of docs/pictures
# make install, uninstall, deb, man, completions: install.mk
PYTHON ?= python3
DEVICE ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: all run web bench-web pictures test test-slow spark nightly fresh-check test-all-pythons test-long soak pace fleet ha-check lint english format bench golden clean

all: .venv/run

# On a terminal han-top shows the readings, if rich is installed; otherwise they scroll by.
run: .venv/run
	@if test -t 1 && test "$${TERM:-dumb}" != dumb && python3 -c 'import rich' 2> /dev/null; \
	then $(call source,) | bin/han-frame | bin/han-decode | bin/han-fields | bin/han-top; \
	else $(call source,-n 40) | bin/han-frame | bin/han-decode | bin/han-fields --text; fi

source = bin/$(if $(DEVICE),han-read $(if $(filter socket:%,$(DEVICE)),,--auto) $(DEVICE),han-fake --speed 10 $1)

# The page of han-web on a simulated meter, with a fortnight before it; Ctrl-C ends it.
web: .venv/run
	@mkdir -p build && rm -f build/han-web.db*
	@.venv/bin/python tests/simulated.py 14 | bin/han-web --listen 0 --store build/han-web.db
	@(sleep 2; xdg-open http://127.0.0.1:8089/ > /dev/null 2>&1) &
	@bin/han-fake | bin/han-frame | bin/han-decode | bin/han-fields | bin/han-web -v --store build/han-web.db

# A stamp a set of packages; what a program needs and what a developer needs are two.
.venv/run: requirements.txt
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@.venv/bin/python -m compileall -q lib
	@touch $@

.venv/dev: requirements-dev.txt requirements.txt .venv/run
	@.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

test: .venv/dev
	@.venv/bin/python -m pytest -n 2 -m "not slow" tests

# Those that take 0.3 s or more each, for example because a server is killed and started again, or a disk is full.
test-slow: .venv/dev
	@.venv/bin/python -m pytest -n 2 -m slow tests

# Spark is half a gigabyte, which the other tests do without.
.venv/spark: requirements-spark.txt .venv/dev
	@.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-spark.txt
	@touch $@

# Spark on ten archives, beside the plain pipe. It needs a Java, and most of its minute is the start of that.
spark: .venv/spark
	@.venv/bin/python -m pytest tests/spark_archives.py

# Decoding by shape against the plain walk, with thousands of generated messages instead of twenty.
test-long: .venv/dev
	@HYPOTHESIS_PROFILE=long .venv/bin/python -m pytest -n 2 tests/apdu/test_shape.py -k "plain_walk or so_does"

# Every property with new examples each time (twenty to thirty minutes), then 200,000 random lines on which all links are
# mixed, each fed to every framer whole, octet by octet and in random pieces (two to four hours), then a million damaged
# inputs through all stages and formatters (two hours), then a thousand kills. A failure prints how to repeat it.
DAMAGE ?= --inputs 1000000
KILLS ?= --rounds 1300
nightly: .venv/dev
	@HYPOTHESIS_PROFILE=nightly .venv/bin/python -m pytest -n 2 -m hypothesis tests
	@HYPOTHESIS_PROFILE=streams .venv/bin/python -m pytest tests/link/test_cuts.py
	@.venv/bin/python tests/damage.py $(DAMAGE)
	@.venv/bin/python tests/kills.py $(KILLS)

# A fresh clone on a minimal Debian 12 and 13, as root and as a user; before a release. Needs root and debootstrap.
fresh-check:
	@tests/service/fresh.sh

# The tests on each of Python 3.11 to 3.14 that Debian has. Needs root and debootstrap.
test-all-pythons:
	@tests/service/pythons.sh

# Ten minutes of unplugging, damage, clock jumps, full disks, killed brokers and stopped sinks. A short one:
# SOAK="--seconds 60 --opens 2"; an hour: SOAK="--seconds 3600 --opens 20 --speed 100".
SOAK ?= --seconds 600 --opens 8
soak: .venv/dev
	@.venv/bin/python tests/soak $(SOAK)

# Ten real minutes of a meter that sends every second, through han-mqtt and a broker to a reader of ten messages a second.
PACE ?= --seconds 600
pace: .venv/dev
	@.venv/bin/python tests/pace.py $(PACE)

# Five minutes of 10,000 meters through mosquitto into Parquet and InfluxDB, while a consumer and the broker are killed.
FLEET ?= --seconds 300 --meters 10000
fleet: .venv/dev
	@.venv/bin/python tests/fleet.py $(FLEET)

# A real Home Assistant in a Debian tree of its own, 1.5 GB from Debian and PyPI; ten minutes, then six. Wants root and
# debootstrap. The newest one: make ha-check HA="forky 2026.11.0"
HA ?= trixie 2026.2.3
ha-check:
	@tests/home_assistant/check.sh build/home-assistant-$(firstword $(HA)) $(HA)

# Peers from PyPI, in the same run; the shared checks where they are.
.venv/bench: requirements-bench.txt .venv/run
	@.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

bench: .venv/bench
	@.venv/bin/python benchmarks/peers.py
	@.venv/bin/python benchmarks/fleet.py
	@.venv/bin/python benchmarks/lines.py
	@.venv/bin/python benchmarks/startup.py
	@.venv/bin/python benchmarks/report.py
	@if [ -e ../shared/checks/bench.py ]; then .venv/bin/python ../shared/checks/bench.py | grep -v '^{'; fi

# The checker of accessibility for the page of han-web, from npm.
.venv/axe.min.js:
	@npm pack --silent --pack-destination .venv axe-core@4.14.1 > /dev/null
	@tar -xzf .venv/axe-core-4.14.1.tgz -C .venv --strip-components=1 package/axe.min.js && touch $@

# How soon a reading is on the page of han-web, and what ten browsers cost it; an hour of it: WEB="--seconds 3600"
bench-web: .venv/dev
	@.venv/bin/python benchmarks/web.py $(WEB)

# The pictures of the README, of a simulated house; that of the page needs chromium.
pictures: .venv/dev
	@.venv/bin/python docs/picture_top.py
	@.venv/bin/python docs/picture_web.py
	@.venv/bin/python docs/picture_report.py

lint: .venv/dev
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy

# How often the phrases that plain English avoids occur, per 10,000 words; ENGLISH=-v shows the lines.
english:
	@python3 docs/plain_english.py $(ENGLISH)

# The captures and outputs in tests/golden, made anew; the diff is reviewed.
golden: .venv/dev
	@tests/golden/make.sh

format: .venv/dev
	@.venv/bin/ruff format .

include install.mk

clean:
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
