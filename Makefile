# `make demo` shows the program with simulated data, `make run` with live data. Every target first sets up .venv.
.PHONY: demo freeze deb portable package lock audit container pictures icons windows run test test-long trust-report lint bench bench-accuracy bench-backfill bench-late bench-package bench-peers train ablation clean
.DEFAULT_GOAL := demo

READY := .venv/.ready
BIN := .venv/bin
DEMO := out/demo

# Windows need a display on Linux; elsewhere there always is one.
SCREEN := $(if $(filter Linux,$(shell uname -s)),$(DISPLAY)$(WAYLAND_DISPLAY),yes)

$(READY): pyproject.toml constraints.txt packaging/setup.sh
	PYTHON="$(PYTHON)" packaging/setup.sh

# Two simulated weeks, then the window; without a display pictures and a page.
demo: $(READY)
	$(BIN)/lastvagt-engine demo --out $(DEMO)
ifeq ($(strip $(SCREEN)),)
	QT_QPA_PLATFORM=offscreen $(BIN)/lastvagt --data-dir $(DEMO)/data --screenshot $(DEMO)
	@echo "No display: pictures and a page are in $(DEMO)"
else
	$(BIN)/lastvagt --data-dir $(DEMO)/data
endif

# The pictures of the window that README shows, into packaging/screenshots.
pictures: $(READY)
	$(BIN)/python packaging/pictures.py

# The program's mark as Linux, Windows and macOS want it.
icons: $(READY)
	$(BIN)/python packaging/icons.py

# Compiles the Windows installers from frozen programs: make windows PAYLOAD=folder ENGINE=folder WRAPPER=WinSW.NET461.exe
windows: $(READY)
	$(BIN)/python packaging/windows/build.py $(if $(PAYLOAD),--payload $(PAYLOAD)) $(if $(ENGINE),--engine $(ENGINE)) $(if $(WRAPPER),--wrapper $(WRAPPER))

# The window with live data; without a display the engine alone.
run: $(READY)
ifeq ($(strip $(SCREEN)),)
	$(BIN)/lastvagt-engine run
else
	$(BIN)/lastvagt
endif

# Programs that need no Python: dist/lastvagt and dist/lastvagt-engine.
freeze: $(READY)
	$(BIN)/python packaging/freeze.py

# Everything this machine can make, from wheels checked by hash, into dist/release-VERSION: make package KEY=release.key
PACKAGE := .venv-package

$(PACKAGE)/.ready: $(READY) packaging/lock.txt
	$(BIN)/python -m venv --clear $(PACKAGE)
	$(PACKAGE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r packaging/lock.txt
	touch $@

package: $(PACKAGE)/.ready
	$(PACKAGE)/bin/python packaging/release.py package $(if $(KEY),--key $(KEY))

# Writes packaging/lock.txt: every package of a release, with the hashes of its wheels.
lock: $(READY)
	$(BIN)/python packaging/lock.py

# Asks whether a locked package has a known vulnerability.
audit: $(READY)
	$(BIN)/python packaging/audit.py

# Builds the container from the frozen engine and tries it with Prometheus; as root.
container: $(READY)
	$(BIN)/python packaging/container/trial.py

# The two Debian packages, from the frozen programs.
deb: freeze
	QT_QPA_PLATFORM=offscreen PYTHONPATH=. $(BIN)/python packaging/deb.py

# The portable archive, from the frozen program.
portable: freeze
	QT_QPA_PLATFORM=offscreen PYTHONPATH=. $(BIN)/python packaging/portable.py

# Style, types and the directions of imports.
lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every test that is quick.
test: lint
	QT_QPA_PLATFORM=offscreen $(BIN)/pytest -n 2 --dist loadfile -m "not long"

# The tests that take minutes each, the longest first. Three at a time on two cores: many wait.
test-long: $(READY)
	QT_QPA_PLATFORM=offscreen $(BIN)/pytest -n 3 --dist load --maxschedchunk 1 -m long

# Every gate of the trust report anew, as make test-long runs them, then the page tests/trust-report.md.
trust-report: $(READY)
	rm -rf out/trust
	-QT_QPA_PLATFORM=offscreen $(BIN)/pytest -n 3 --dist load --maxschedchunk 1 -m gate
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/trust_report.py

# Times, memory and growth of engine and app, as README quotes them.
bench: $(READY)
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/bench.py

# Errors of forecasts of a year, day ahead, in good and bad circumstances, beside the goals.
bench-accuracy: $(READY)
	$(BIN)/python tests/bench_accuracy.py

# How long a year of 98 municipalities takes to come in, broken off once.
bench-backfill: $(READY)
	$(BIN)/python tests/bench_backfill.py

# Errors for consumers that are measured late.
bench-late: $(READY)
	$(BIN)/python tests/bench_late.py

# Sizes and starts of the frozen programs; as root from a cold disk too.
bench-package: freeze
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/bench_package.py

# Errors beside those of other programs.
bench-peers: $(READY)
	$(BIN)/python tests/bench_peers.py

# From the data beside the project where they are, else from the program's own database.
ifneq ($(wildcard ../shared/data/load_price_area_hourly.csv.gz),)
HISTORY := --data-dir out/history --out out/models

out/history/.ready: $(READY)
	$(BIN)/lastvagt-engine import ../shared/data/load_price_area_hourly.csv.gz --format lastvagt-data --known-after PT2H --data-dir out/history
	$(BIN)/lastvagt-engine import ../shared/data/weather_hourly_by_source.csv.gz --format lastvagt-data --known-after -P8D --data-dir out/history
	$(BIN)/lastvagt-engine import ../shared/data/tso_wind_solar_forecast_and_price_hourly.csv.gz --format lastvagt-data --data-dir out/history
	touch $@

train: out/history/.ready
	$(BIN)/python -m models.train fit $(HISTORY) --to 2024-06-30

ablation: out/history/.ready
	$(BIN)/python -m models.train ablate $(HISTORY)
else
train: $(READY)
	$(BIN)/python -m models.train fit

ablation: $(READY)
	$(BIN)/python -m models.train ablate
endif

# Throws away what was made here, except the environment of developers.
clean:
	rm -rf .venv-package out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
