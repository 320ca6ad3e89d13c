# The commands people type; "make help" lists them.  Every command that needs packages sets them up first, in .venv.
#   PYTHON   the Python (3.11 or newer) that makes .venv        PROFILE  laptop, smoke or paper
#   JOBS     cores: chapters, points or tests at once           CH       a chapter, such as 05
#   DASK     address of a Dask scheduler, for make records      MINUTES  of one core, for make audit

PYTHON ?= python3
PROFILE ?= laptop
JOBS ?= 2
CH ?=
PARAMS ?=
ONLY ?=
DASK ?=
MINUTES ?= 30

VENV := .venv
RUN := $(VENV)/bin/python
# The stamp's name holds the pins and the place of the tree: other pins or a moved tree mean another stamp.  It is
# written last, so an interrupted set-up has none and is done again, from an empty .venv.
STAMP := $(VENV)/.ready-$(shell (pwd; cat pyproject.toml) | cksum | cut -d' ' -f1)
STARTED := $(VENV)/.started
SETUP_LOG := $(VENV)/setup.log
RECORDS = $(RUN) -m lib.study.records --profile '$(if $(filter file,$(origin PROFILE)),paper,$(PROFILE))'
BUILD = $(RUN) -m lib.study.build --profile '$(PROFILE)' --jobs '$(JOBS)'

.PHONY: help book test test-all chapter status accept verify edit preview check records records-status audit anchors mutations bench clean setup
.DEFAULT_GOAL := help

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

book: $(STAMP)  ## execute what is stale, render the site (PROFILE=smoke|paper, JOBS=n)
	@$(BUILD) book

test: $(STAMP)  ## check the style, build the book at smoke settings, run the tests (JOBS=n at once)
	$(RUN) -m ruff check
	@$(BUILD) check
	$(RUN) -m lib.study.build --profile smoke --jobs '$(JOBS)' book
	$(RUN) -m pytest -n '$(JOBS)' --dist worksteal $(EVERY)

test-all: EVERY := --all
test-all: test  ## the same with all cases of the tests that else draw some, such as the random kills

chapter: $(STAMP)  ## one chapter (CH=05); with PARAMS="n_spins=8 seed=3" a what-if page beside the book
	@$(if $(CH),,echo 'expected a chapter; try make chapter CH=05'; exit 1;) $(BUILD) chapter '$(CH)' --params='$(PARAMS)'

status: $(STAMP)  ## say which chapters are fresh, stale or failed, and why
	@$(RUN) -m lib.study.status --profile '$(PROFILE)'

accept: $(STAMP)  ## accept the present verdicts of the claims (data/thesis/verdicts.json)
	@$(BUILD) accept

verify: $(STAMP)  ## recompute check sums, measured values and verdicts of what was built (PROFILE=smoke|paper)
	@$(RUN) -m lib.study.verify --profile '$(PROFILE)'

edit: $(STAMP)  ## open the chapters in JupyterLab; outputs go to _build/edit, never into the text
	@mkdir -p _build/edit
	$(VENV)/bin/jupyter lab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/book

preview: $(STAMP)  ## show a chapter (CH=05) in the browser, rendered again whenever a file is saved (PORT=8000)
	@$(if $(CH),,echo 'expected a chapter; try make preview CH=05'; exit 1;) $(RUN) -m lib.study.preview '$(CH)' \
	  --profile '$(PROFILE)' --jobs '$(JOBS)' --port '$(or $(PORT),8000)'

check: $(STAMP)  ## refuse chapters with outputs, wrong parameters, untidy code (in chapters too)
	@$(BUILD) check
	@$(RUN) -m ruff check

records: $(STAMP)  ## go on with the long runs of a chapter (CH=05), by a copy of the commit, on all cores
	@$(if $(CH),,echo 'expected a chapter; try make records CH=05'; exit 1;) $(RECORDS) extend '$(CH)' \
	  --params='$(PARAMS)' $(if $(filter file,$(origin JOBS)),,--jobs '$(JOBS)') --dask '$(DASK)'

records-status: $(STAMP)  ## per record: how many points exist, what they cost, what the rest may cost
	@$(RECORDS) status

audit: $(STAMP)  ## compute recorded points of a chapter (CH=34) again, for MINUTES=30 of one core, and compare
	@$(if $(CH),,echo 'expected a chapter; try make audit CH=05'; exit 1;) $(RUN) -m lib.study.audits '$(CH)' '$(MINUTES)'

anchors: $(STAMP)  ## make the anchor numbers of experiments with a raised version anew
	@$(RUN) -m lib.study.anchors

mutations: $(STAMP)  ## edit the code in a copy, harmless and wrong, and write what the anchors say (15 minutes)
	@$(RUN) -m tests.mutations

bench: $(STAMP)  ## measure the promised speeds against other packages (ONLY=rbm)
	$(RUN) -m tests.benchmarks $(if $(ONLY),--only $(ONLY))

clean:  ## remove everything built (not .venv)
	rm -rf _build

setup: $(STAMP)  ## make .venv and install the pinned packages (the other commands do this themselves)

$(STAMP):
	@if [ -L $(VENV) ]; then echo "expected $(VENV) as a folder of this tree, got a link to $$(readlink $(VENV)), which a set-up would change; try rm $(VENV)"; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "expected Python 3.11 or newer, got $$($(PYTHON) --version 2>&1); try make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@if [ -e $(STARTED) ]; then echo "The last set-up was interrupted; starting it again."; rm -rf $(VENV); fi
	@echo "Setting up: Python packages into $(VENV), once; a few minutes and, with torch, up to some GB."
	@rm -f $(VENV)/.ready-*
	@mkdir -p $(VENV) && touch $(STARTED)
	@$(PYTHON) -m venv $(VENV)
	@echo "pip downloads and installs; what it says goes to $(SETUP_LOG)."
	@$(RUN) -m pip install --editable '.[book,test,dask,dmrg]' > $(SETUP_LOG) 2>&1 || \
	  { tail -n 30 $(SETUP_LOG); echo "The set-up failed: pip could not install the packages (the whole log: $(SETUP_LOG))."; exit 1; }
	$(RUN) -m ipykernel install --sys-prefix --name python3 --display-name 'Python 3' > /dev/null
	@touch $@ && rm $(STARTED)
	@echo "Set-up done."
