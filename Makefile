# The commands people type; "make help" lists them.  Every command that needs packages sets them up first, in .venv.
#   PYTHON   the Python (3.11 or newer) that makes .venv        PROFILE  laptop, smoke or paper
#   JOBS     cores: chapters, points or tests at once           CH       a chapter, such as 05
#   DASK     address of a Dask scheduler, for make records      MINUTES  of one core, for make audit

# All names in here are relative to the folder that it is in.
ifeq ($(filter Makefile ./Makefile,$(lastword $(MAKEFILE_LIST))),)
$(error expected make to run in the folder of its Makefile, got -f $(MAKEFILE_LIST); try make -C FOLDER $(MAKECMDGOALS))
endif

# They are said after "make"; a variable of the shell that happens to have such a name does not count.
NAMES := PYTHON PROFILE JOBS CH PARAMS SWEEP CRATE ONLY DASK MINUTES PORT OUTSIDE
$(foreach name,$(NAMES),$(if $(filter environment,$(origin $(name))),$(warning $(name) of the shell is not used; \
  to set it, try make $(MAKECMDGOALS) $(name)=...)))
PYTHON = python3
PROFILE = laptop
JOBS = 2
CH =
PARAMS =
SWEEP =
CRATE =
ONLY =
DASK =
MINUTES = 30
PORT = 8000
OUTSIDE =
# As they were typed: commands read them where neither make nor the shell takes anything in them for its own.
export GIVEN_PROFILE := $(value PROFILE)
export GIVEN_JOBS := $(value JOBS)
export GIVEN_CH := $(value CH)
export GIVEN_PARAMS := $(value PARAMS)
export GIVEN_SWEEP := $(value SWEEP)
export GIVEN_CRATE := $(value CRATE)
export GIVEN_DASK := $(value DASK)
export GIVEN_MINUTES := $(value MINUTES)

VENV := .venv
PY := $(VENV)/bin/python -I -X utf8
# Starts a module with what should reach it of the user's environment, and says what that is.
RUN := $(PY) lib/study/surroundings.py
# The stamp's name holds the pins and the place of the tree: other pins or a moved tree mean another stamp.  It is
# written last, so an interrupted set-up has none and is done again, from an empty .venv.
STAMP := $(VENV)/.ready-$(shell (pwd -P; cat pyproject.toml constraints.txt) | cksum | cut -d' ' -f1)
STARTED := $(VENV)/.started
# For pip, which starts more processes of Python: all of the user's environment but what is Python's.
NO_PYTHON := env $$(env | sed -n 's/^\(PYTHON[A-Z0-9]*\)=.*/-u \1/p')
SETUP_LOG := $(VENV)/setup.log
# A command has its own defaults (python -m lib --help), in place of what is not said.
LIB = $(RUN) lib $(if $(filter file,$(origin PROFILE)),,--profile="$$GIVEN_PROFILE") \
  $(if $(filter file,$(origin JOBS)),,--jobs="$$GIVEN_JOBS")
CHAPTER = $(if $(CH),,echo 'expected a chapter; try make $@ CH=05'; exit 1;) $(LIB) $@ "$$GIVEN_CH"
SPELL = $(RUN) codespell_lib book README.md CONTRIBUTING.md

.PHONY: help book test test-all chapter status accept verify links pdf epub crate edit tidy preview check records records-status audit anchors mutations bench test-ranges clean setup
.DEFAULT_GOAL := help
# A stamp does not count where the Python that the environment was made with is gone, or where another is asked for.
VERSION = "import sys; print(sys.version_info[:2])"
OTHER := $(if $(filter command,$(origin PYTHON)),$(shell test "$$($(PYTHON) -I -c $(VERSION) 2>&1)" = \
  "$$($(VENV)/bin/python -I -c $(VERSION) 2>&1)" || echo other))
ifneq ($(OTHER)$(shell test -x $(VENV)/bin/python || echo gone),)
.PHONY: $(STAMP)
endif

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

book: $(STAMP)  ## execute what is stale, render the site (PROFILE=smoke|paper, JOBS=n)
	@$(LIB) $@

# Tests often wait for processes, browsers and clocks: one more of them at once than there are cores.
test: $(STAMP)  ## check the style, build the book at smoke settings, run the tests (JOBS=n at once)
	$(RUN) ruff check
	$(SPELL)
	@$(LIB) check
	$(RUN) lib --profile=smoke --jobs="$$GIVEN_JOBS" book
	$(RUN) pytest -n "$$((GIVEN_JOBS + (GIVEN_JOBS > 1)))" --dist worksteal $(EVERY)

test-all: EVERY := --all
test-all: test  ## the same with all cases of the tests that else draw some, such as the random kills

chapter: $(STAMP)  ## one chapter (CH=05); a page beside the book with PARAMS="n_spins=8 seed=3" or SWEEP="field=0.5,1"
	@$(CHAPTER) --params="$$GIVEN_PARAMS" --sweep="$$GIVEN_SWEEP"

status: $(STAMP)  ## say which chapters are fresh, stale or failed, and why
	@$(LIB) $@

accept: $(STAMP)  ## accept the present verdicts of the claims (data/thesis/verdicts.json), note what chapters took and name
	@$(LIB) $@

verify: $(STAMP)  ## recompute check sums, measured values and verdicts of what was built, or of an unpacked CRATE=folder
	@$(LIB) $@ $(if $(CRATE),--root="$$GIVEN_CRATE")

links: $(STAMP)  ## check every link of the built site; with OUTSIDE=yes ask the addresses outside it, too
	@$(LIB) $@ $(if $(OUTSIDE),--outside)

pdf: $(STAMP)  ## print the built site as one PDF (needs Chromium)
	@$(LIB) $@

epub: $(STAMP)  ## write the built site as one EPUB, for readers of books (needs pandoc)
	@$(LIB) $@

crate: $(STAMP)  ## pack what was built as an RO-Crate: site, notebooks, ledger, records, sources, where they came from
	@$(LIB) $@

tidy: $(STAMP)  ## write the options of a chapter's cells (CH=05) as people do, where a program has wrapped them
	@$(CHAPTER)

edit: $(STAMP)  ## open the chapters in JupyterLab; outputs go to _build/edit, never into the text
	@mkdir -p _build/edit
	$(PY) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/book \
	  --ServerApp.contents_manager_class=lib.pipeline.contents.ChapterContents

preview: $(STAMP)  ## show a chapter (CH=05) in the browser, rendered again whenever a file is saved (PORT=8000)
	@$(CHAPTER) --port='$(PORT)'

check: $(STAMP)  ## say what a build would refuse, with page and line, and what is untidy; nothing is executed
	@$(LIB) $@
	@$(RUN) ruff check
	@$(SPELL)

records: $(STAMP)  ## go on with the long runs of a chapter (CH=05), by a copy of the commit, on all cores
	@$(CHAPTER) --params="$$GIVEN_PARAMS" --dask="$$GIVEN_DASK"

records-status: $(STAMP)  ## per record: how many points exist, what they cost, what the rest may cost
	@$(LIB) $@

audit: $(STAMP)  ## compute recorded points of a chapter (CH=34) again, for MINUTES=30 of one core, and compare
	@$(CHAPTER) "$$GIVEN_MINUTES"

anchors: $(STAMP)  ## make the anchor numbers of experiments with a raised version anew
	@$(LIB) $@

mutations: $(STAMP)  ## edit the code in a copy, harmless and wrong, and write what the anchors say (15 minutes)
	@$(RUN) tests.mutations

test-ranges: $(STAMP)  ## test the package with the oldest and the newest releases that it asks for (ten minutes)
	$(RUN) tests.ranges

bench: $(STAMP)  ## measure the promised speeds against other packages (ONLY=rbm)
	$(PY) -m tests.benchmarks $(if $(ONLY),--only $(ONLY))

clean:  ## remove everything built (not .venv)
	@if [ -L _build ]; then find _build/ -mindepth 1 -delete; else rm -rf _build; fi

setup: $(STAMP)  ## make .venv and install the pinned packages (the other commands do this themselves)

$(STAMP):
	@case "$$(pwd -P)" in *:*) echo "expected a folder without ':' in its path, which Python's virtual environments" \
	  "cannot be in, got $$(pwd -P); try to rename it: mv"; exit 1;; esac
	@if [ -L $(VENV) ]; then echo "expected $(VENV) as a folder of this tree, got a link to $$(readlink $(VENV)), which a set-up would change; try rm $(VENV)"; exit 1; fi
	@$(PYTHON) -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "expected Python 3.11 or newer, got $$($(PYTHON) -I --version 2>&1); try make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@if [ -e $(STARTED) ]; then echo "The last set-up was interrupted; starting it again."; rm -rf $(VENV); fi
	@if [ -n "$(OTHER)" ] && [ -x $(VENV)/bin/python ]; then \
	  echo "$(VENV) was made with $$($(VENV)/bin/python -I --version), not $$($(PYTHON) -I --version); setting it up again."; \
	  rm -rf $(VENV); fi
	@if [ -L $(VENV)/bin/python ] && [ ! -e $(VENV)/bin/python ]; then \
	  echo "The Python that $(VENV) was made with is gone; setting it up again."; rm -rf $(VENV); fi
	@if ls $(VENV)/.ready-* > /dev/null 2>&1 && [ -n "$$(grep -LF "$$(pwd -P)/$(VENV)" \
	  $(VENV)/bin/activate $(VENV)/bin/pip $(VENV)/bin/jupyter 2> /dev/null)" ]; then \
	  echo "This folder was moved since its set-up, and scripts in $(VENV) name the old place; setting it up again."; \
	  rm -rf $(VENV); fi
	@echo "Setting up: Python packages into $(VENV), once; a few minutes and, with torch, up to some GB."
	@rm -f $(VENV)/.ready-*
	@mkdir -p $(VENV) && touch $(STARTED)
	@[ -x $(VENV)/bin/python ] || $(NO_PYTHON) $(PYTHON) -I -m venv $(VENV)
	@echo "pip downloads and installs; what it says goes to $(SETUP_LOG)."
	@$(NO_PYTHON) $(PY) -m pip install --constraint constraints.txt --editable '.[book,test,dask]' > $(SETUP_LOG) 2>&1 || \
	  { tail -n 30 $(SETUP_LOG); echo "The set-up failed: pip could not install the packages (the whole log: $(SETUP_LOG))."; exit 1; }
	@$(PY) -c 'from importlib.metadata import version as v; v("deep-quantum-companion"), v("jupyter-book"), v("pytest")' \
	  2> /dev/null || { echo "The set-up failed: pip did not put the packages into $(VENV), since its own settings say" \
	  "otherwise (target, prefix, user, no-deps or dry-run); try $(PY) -m pip config list, and env | grep PIP_"; exit 1; }
	$(PY) -m ipykernel install --sys-prefix --name python3 --display-name 'Python 3' > /dev/null
	@touch $@ && rm $(STARTED)
	@echo "Set-up done."
