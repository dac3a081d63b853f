"""What says who we are and how we work agrees with the package."""

from __future__ import annotations

import yaml

import faceref
from docs.scripts.repository import ROOT


def _read(path: str):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version():
    citation = _read("CITATION.cff")
    assert citation["version"] == faceref.__version__
    assert citation["references"][0]["doi"] == "10.1002/int.23024"


def test_the_workflow_runs_what_we_run_and_trusts_nobody_else():
    steps = [
        step for job in _read(".github/workflows/ci.yml")["jobs"].values() for step in job["steps"]
    ]
    assert ".ci/run" in [step.get("run") for step in steps]
    assert all(step["uses"].startswith("actions/") for step in steps if "uses" in step)


def test_forms_of_issues_ask_for_something():
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
    assert [form.stem for form in forms] == ["bug", "method", "removal"]
    for form in forms:
        body = _read(form.relative_to(ROOT).as_posix())["body"]
        assert any(field.get("validations", {}).get("required") for field in body), form


def test_the_site_is_built_strictly():
    """`--quiet` would silence the warnings that `strict` counts."""
    assert _read("mkdocs.yml")["strict"] is True
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    assert "\t$(MKDOCS) build" in lines
