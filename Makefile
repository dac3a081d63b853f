PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= demo
BUDGET ?= demo
METHODS := bicubic,nearest_reference,srcnn,edsr,msrnet

# The notice is about a later version of mkdocs.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs

DEMO_IMAGES = --face-ref $(DEMO)/face_ref --runs $(DEMO)/runs/$(BUDGET) --methods $(METHODS)

.DEFAULT_GOAL := help
.PHONY: help demo test reports check format docs docs-serve clean

help: ## Show what there is to do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev,synthetic]'
	@touch $@

demo: $(READY) ## Build Face_Ref from the embedded sample, train and evaluate on it, write a page
	test -f $(DEMO)/face_ref/face_ref.json || $(BIN)/faceref build --source sample --embedder dlib --out $(DEMO)/face_ref
	$(BIN)/faceref inspect $(DEMO)/face_ref --sheet $(DEMO)/contact_sheet.png
	$(BIN)/facebench suite $(BUDGET) --face-ref $(DEMO)/face_ref --out $(DEMO) --methods $(METHODS)
	$(BIN)/facebench plot $(DEMO)/results --out $(DEMO) $(DEMO_IMAGES)
	$(BIN)/facebench site $(DEMO)/results --out $(DEMO) $(DEMO_IMAGES)

test: $(READY) ## Run the tests that need no data from outside
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal -m "not real and not browser"

reports: $(READY) ## Make leaderboards, plots, model cards and tables again from what is committed
	$(BIN)/facebench plot reports/results --out reports
	$(BIN)/facebench study references $(addprefix --file ,$(wildcard reports/studies/*.json)) --out reports
	$(BIN)/facebench study gains reports/results --task lfw-x8@1 --studies reports/studies --out reports
	$(BIN)/facebench site reports/results --out reports/site
	$(BIN)/python reports/scripts/learning_rates.py reports/results
	$(BIN)/python reports/scripts/reliability.py
	$(BIN)/python reports/scripts/upscale_sizes_page.py
	$(BIN)/python reports/scripts/transfer_page.py
	$(BIN)/python reports/scripts/perception_page.py
	$(BIN)/python reports/scripts/model_cards.py
	$(BIN)/python -m docs.scripts.generated

check: $(READY) ## Lint, format check, types, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/codespell

format: $(READY) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY) ## Build the documentation site into site-docs/
	$(MKDOCS) build

docs-serve: $(READY) ## Show the documentation site, and what changes in it
	$(MKDOCS) serve

clean: ## Remove the virtual environment, the demo and the documentation site
	rm -rf $(VENV) $(DEMO) site-docs
