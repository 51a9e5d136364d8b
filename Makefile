# The two commands are `make book` and `make test`; `make help` lists the others.

VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python

# The first interpreter that the book can use; PYTHON=... puts another one in front.
FIND_PYTHON = for p in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { echo "$$p"; break; }; done

# Python compiles what is imported when it is imported; compiling all of it takes minutes.
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-compile

BOOK := _build/html/index.html
SOURCES := _config.yml _toc.yml index.md $(wildcard chapters/*.md chapters/checks/*.md chapters/reference/*.md chapters/teaching/*.md chapters/teaching/quizzes/*.md chapters/*.ipynb chapters/*.bib) \
	$(wildcard theme/*.py theme/static/* theme/templates/*) $(wildcard tests/equations/*.py) $(wildcard src/backprop/*.py src/backprop/*/*.py)

# Several threads add in another order, and the last bits of the stored numbers with it.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1
TWO_THREADS := OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 MKL_NUM_THREADS=2 VECLIB_MAXIMUM_THREADS=2
# Kernels work in chapters/, where a relative path would lead elsewhere.
ifdef BACKPROP_DATA
export BACKPROP_DATA := $(abspath $(BACKPROP_DATA))
endif
# Two notebooks at a time, the cells of each in one process.
NBVAL := $(PY) -m pytest --nbval --nbval-current-env -p no:cacheprovider -q -rs -n 2 --dist loadfile chapters

.PHONY: help book slides pdf test lint unit compare browser reproduce bench accuracy sweep confusion mutants notebooks lab serve clean
# make pdf SOLUTIONS=none prints hints, and no solutions.
SOLUTIONS := appendix

.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

# ---- environments: each stamp is younger than the files that say what is installed ----

$(VENV)/created:
	@p=$$($(FIND_PYTHON)); [ -n "$$p" ] || { echo \
	"This book needs Python 3.11, 3.12 or 3.13, and none of them was found (PYTHON=/path/to/python names one)." >&2; exit 1; }; \
	"$$p" -m venv $(VENV) && touch $@

$(VENV)/book: $(VENV)/created requirements-book.txt pyproject.toml
	$(INSTALL) -r requirements-book.txt
	@touch $@

$(VENV)/reader: $(VENV)/book requirements.txt
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/developer: $(VENV)/reader requirements-dev.txt
	$(INSTALL) -r requirements-dev.txt
	@touch $@

$(VENV)/bench: $(VENV)/book requirements-benchmarks.txt
	$(INSTALL) -r requirements-benchmarks.txt
	@touch $@

# ---- the book ----

book: $(BOOK) ## build the book to _build/html (installs what that needs, no PyTorch)
	@echo "The book is built: open file://$(CURDIR)/$(BOOK)"

# Always from scratch: a page that failed must not be skipped as unchanged the next time.
# index.html appears in the site last, so that a failed build is not taken for a built one.
$(BOOK): $(VENV)/book $(SOURCES)
	@rm -rf $(dir $@)
	$(BIN)/jupyter-book build . --all -W --keep-going --quiet || { rm -rf $(dir $@); exit 1; }
	@touch $@

# The decks are pages of the same build.
slides: $(BOOK) ## build the decks of slides, one a chapter, and print where they are
	@for deck in _build/html/slides/*.html; do echo "file://$(CURDIR)/$$deck"; done

pdf: $(VENV)/developer $(BOOK) ## print the book, and a handout of each chapter, to _build/pdf
	$(PY) -m tools.browser --install
	$(PY) -m tools.pdf --solutions $(SOLUTIONS)

# ---- the proof ----

test: lint unit compare browser ## the whole proof: lint, unit tests, equations, notebooks, pages

lint: $(VENV)/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/developer
	$(ONE_THREAD) $(PY) -m pytest tests --ignore tests/browser -q -n 2

compare: $(VENV)/developer ## execute every chapter again and compare all outputs strictly
	$(PY) -m tools.notebooks --check
	$(ONE_THREAD) $(NBVAL)

browser: $(VENV)/developer $(BOOK)
	$(PY) -m tools.browser --install
	$(PY) -m pytest tests/browser -q -n 2 --maxschedchunk 1

reproduce: $(VENV)/developer ## compare three times with one BLAS thread and three times with two
	for i in 1 2 3; do $(ONE_THREAD) $(NBVAL) && $(TWO_THREADS) $(NBVAL) || exit 1; done

bench: $(VENV)/bench ## time graph and training beside PyTorch, HIPS autograd, JAX and micrograd
	$(PY) -m benchmarks.graph
	$(PY) -m benchmarks.training --write

accuracy: $(VENV)/reader ## train networks on MNIST: the tables of accuracy in chapter 13
	$(ONE_THREAD) $(PY) -m benchmarks.accuracy

sweep: $(VENV)/developer ## plant mistakes in the checks of the equations: is each one noticed?
	PYTHONPATH=tests $(ONE_THREAD) $(PY) -m equations.sweep

confusion: $(VENV)/developer ## plant mistakes in networks: does the check name each by its name?
	$(ONE_THREAD) $(PY) -m benchmarks.diagnosis

# Not a part of `test`: tests run again for each of twelve thousand changes, for hours.
MUTANTS :=
mutants: $(VENV)/developer ## change the package a little, again and again: what does no test notice?
	$(ONE_THREAD) $(BIN)/mutmut run --max-children 2 $(if $(MUTANTS),'$(MUTANTS)')
	@echo "Changes that no test noticed (mutmut show NAME prints one):"
	@$(BIN)/mutmut results

# ---- writing and reading ----

notebooks: $(VENV)/developer ## make the executed notebooks from chapters/text
	$(PY) -m tools.notebooks

lab: $(VENV)/reader ## open the chapters in JupyterLab, and their decks for a live lecture
	$(PY) -m tools.lecture
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/chapters

serve: $(BOOK) ## show the built book on http://127.0.0.1:8000
	$(PY) -m http.server --bind 127.0.0.1 --directory $(dir $(BOOK)) 8000

clean: ## remove what was built, and the environment
	rm -rf _build mutants $(VENV)
