"""The pages of the site: they exist, what they link to exists, and their commands are right."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import yaml

from benchmark.cli.app import app as facebench_app
from benchmark.methods.method import Method
from docs.scripts.commands import commands, options
from docs.scripts.generated import MARK, PARTS, filled
from docs.scripts.repository import ELSEWHERE, LINK, ROOT, for_the_site, indented, linked, resolved
from faceref.cli.app import app as faceref_app

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
BESIDE = [
    *(path.name for path in sorted(ROOT.glob("*.md"))),
    "weights/README.md",
    "benchmark/weights/README.md",
]
COMMANDS = {
    words: command
    for name, app in (("faceref", faceref_app), ("facebench", facebench_app))
    for words, command in commands(name, app)
}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ITEM = re.compile(r"(- |\d+\. )")
TYPED = re.compile(r"`((?:faceref|facebench) [a-z][^`]*)`")


def _text(page: str) -> str:
    path = ROOT / page if page in BESIDE else DOCS / page
    return path.read_text(encoding="utf-8")


def _nav() -> Iterator[str]:
    """Paths of the nav; each entry is a title with a path, or with more entries."""
    waiting: list[Any] = [yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]]
    for each in waiting:
        if isinstance(each, str):
            yield each
        else:
            waiting += each if isinstance(each, list) else list(each.values())


def _typed(page: str) -> list[list[str]]:
    """The commands of ours on a page, as words."""
    text = _text(page)
    lines = [
        line
        for kind, block in FENCE.findall(text)
        if kind == "sh"
        for line in block.replace("\\\n", " ").splitlines()
    ]
    lines += TYPED.findall(FENCE.sub("", text))
    words = [shlex.split(line, comments=True) for line in lines]
    return [each for each in words if each[:1] in (["faceref"], ["facebench"])]


def test_every_page_is_in_the_nav_and_every_entry_of_it_is_a_page():
    entries = list(_nav())
    assert len(entries) == len(set(entries)) > len(PAGES)
    assert set(PAGES) <= set(entries)
    wrong = [each for each in entries if not ((DOCS / each).is_file() or (ROOT / each).is_file())]
    assert not wrong


@pytest.mark.parametrize("page", [*PAGES, *BESIDE])
def test_what_a_page_links_to_exists(page: str):
    targets = [match["target"] for match in LINK.finditer(FENCE.sub("", _text(page)))]
    paths = [resolved(page, target) for target in targets if not ELSEWHERE.match(target)]
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_figures_of_the_results_are_on_their_page():
    assert sum(path.endswith(".png") for path in linked(_text("results.md"), "results.md")) >= 3


def test_a_link_is_right_in_the_repository_and_on_the_site():
    text = "[a](../reports/leaderboard.md#x) [b](../reports) `[c](../d.md)` ![e](images/task.webp)"
    changed = "[a](reports/leaderboard.md#x) b `[c](../d.md)` ![e](images/task.webp)"
    assert for_the_site(text, "results.md") == changed
    assert linked(text, "results.md") == ["reports/leaderboard.md", "docs/images/task.webp"]
    assert for_the_site("[a](../gone.md)", "results.md") == "[a](../gone.md)"  # mkdocs refuses it


def test_lists_are_indented_as_the_site_needs_them():
    text = "- a\n\n  b\n\n```text\n  c\n```\n\n1. d\n   e\n"
    assert indented(text) == "- a\n\n    b\n\n```text\n  c\n```\n\n1. d\n    e\n"


@pytest.mark.parametrize("page", [*PAGES, *BESIDE])
def test_a_list_follows_an_empty_line(page: str):
    """Python-Markdown takes it for a part of the paragraph otherwise; GitHub does not mind."""
    blocks = [block.splitlines() for block in FENCE.sub("", _text(page)).split("\n\n")]
    wrong = [block for block in blocks if any(map(ITEM.match, block)) and not ITEM.match(block[0])]
    assert not wrong


def test_every_generated_part_is_on_a_page():
    marks = [mark for page in PAGES for mark in MARK.findall(_text(page))]
    assert sorted(marks) == sorted(PARTS)


def test_the_weights_are_listed_with_their_hashes():
    table = filled(_text("models.md"))
    for path in (ROOT / "weights").rglob("*.sha256"):
        assert path.read_text(encoding="utf-8").split()[0] in table


@pytest.mark.parametrize("page", [*PAGES, *BESIDE])
def test_commands_on_a_page_exist_and_have_the_options_that_they_are_given(page: str):
    for words in _typed(page):
        found = [" ".join(words[:count]) for count in (3, 2) if " ".join(words[:count]) in COMMANDS]
        assert found or words[:2] == ["faceref", "--version"], words
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options(COMMANDS[found[0]]), words


def test_a_wrong_option_would_be_found():
    assert "--wrong" not in options(COMMANDS["faceref build"])
    assert {"--out", "--help", "--partial"} <= options(COMMANDS["faceref build"])
    assert {"--licence", "--license"} <= options(COMMANDS["faceref publish"])


def test_the_method_of_the_tutorial_keeps_the_contract():
    blocks = [
        text for kind, text in FENCE.findall(_text("tutorials/method.md")) if kind == "python"
    ]
    names: dict[str, Any] = {"__name__": "mynet"}
    exec(blocks[0], names)
    method = names["METHOD"]
    assert isinstance(method, Method)
    model = method.build()
    torch.manual_seed(0)
    lr = torch.rand(2, 3, 16, 16)
    for count in (0, 5):
        output = model(lr, torch.rand(2, count, 3, 128, 128))
        assert output.shape == (2, 3, 128, 128)
    output.mean().backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert any(gradient is not None and bool(gradient.any()) for gradient in gradients)


def test_python_on_the_pages_compiles():
    for page in PAGES:
        for kind, block in FENCE.findall(_text(page)):
            if kind == "python":
                compile(block, page, "exec")


def test_the_readme_can_be_read_in_two_minutes():
    assert len(_text("README.md").splitlines()) <= 120


def test_the_gains_of_the_readme_are_those_that_were_measured():
    """As in the transfer page: SPARNet-s with the memory of the whole pool; MSRNet on CelebA."""
    page = (ROOT / "reports" / "transfer.md").read_text(encoding="utf-8")
    rows = [cells for cells in _rows(page) if len(cells) == 8]
    gains = [row[3] for row in rows if row[0] == "SPARNet-s, error memory"][:2]
    gains += [row[3] for row in rows if row[0] == "**MSRNet, K = 5**"][1:2]
    said = _text("README.md").split("## Do other people's faces help?")[1].split("\n## ")[0]
    assert re.findall(r"[-+]\d+\.\d+ dB", said) == [f"{gain.split()[0]} dB" for gain in gains]


def _rows(text: str) -> list[list[str]]:
    """Cells of the lines of tables, without those of dashes."""
    lines = [line for line in text.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.\d+(?![\w.])")


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_a_paragraph_has_three_measured_numbers_at_most(page: str):
    """More belong into a table: a reader cannot keep them in mind."""
    text = MARK.sub("", FENCE.sub("", _text(page)))  # What is made from the code is a table.
    blocks = [block for block in text.split("\n\n") if not block.lstrip().startswith("|")]
    wrong = [block for block in blocks if len(NUMBER.findall(block)) > 3]
    assert not wrong
