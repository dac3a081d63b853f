"""Sort, filter, slider, colours, names and small screens, as a reader meets them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmark.report.site.build import GALLERY, NO_IMAGES, PAGE, plain_name
from benchmark.report.site.gallery import IMAGES
from benchmark.results.files import read_all
from benchmark.results.result import is_variant, leaderboards
from tests.browser.conftest import REPORTS

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
NEED_NAMES = {
    *("button", "checkbox", "combobox", "heading", "image", "link", "radio", "region", "slider"),
    *("article", "columnheader", "rowheader", "DisclosureTriangle"),
}
"""Roles of Chromium's accessibility tree that say nothing to a reader without a name."""


def _column(page: Any, leaderboard: int, place: int) -> list[str]:
    """First line of each cell of one column."""
    cells = _leaderboard(page, leaderboard).locator(f"tbody tr > :nth-child({place})")
    return [text.split("\n")[0] for text in cells.all_inner_texts()]


def _leaderboard(page: Any, leaderboard: int = 0) -> Any:
    return page.locator(".leaderboard").nth(leaderboard).locator("table").first


def test_the_leaderboard_is_best_first_and_sorts_both_ways(open_page: Open):
    page = open_page()
    head = _leaderboard(page).locator("thead th")
    psnr = [float(cell) for cell in _column(page, 0, 3)]
    assert psnr == sorted(psnr, reverse=True)
    assert head.nth(2).get_attribute("aria-sort") == "descending"
    head.nth(2).get_by_role("button").click()
    assert head.nth(2).get_attribute("aria-sort") == "ascending"
    assert [float(cell) for cell in _column(page, 0, 3)] == psnr[::-1]
    boards = page.locator(".leaderboard").count()
    assert page.locator(".leaderboard th[aria-sort]").count() == boards


def test_sorting_works_by_keyboard_and_puts_unknown_numbers_last(open_page: Open):
    page = open_page()
    training = _leaderboard(page).get_by_role("button", name="training, min")
    heads = _leaderboard(page).locator("thead th").all_inner_texts()
    column = 1 + next(place for place, text in enumerate(heads) if "training, min" in text)
    training.focus()
    for _ in range(2):
        page.keyboard.press("Enter")
        minutes = [cell.strip() for cell in _column(page, 0, column)]
        known = [cell for cell in minutes if cell != "-"]
        assert 0 < len(known) < len(minutes)
        assert minutes[len(known) :] == ["-"] * (len(minutes) - len(known))
    assert [float(cell) for cell in known] == sorted(map(float, known), reverse=True)


def test_intervals_and_ties_are_on_the_leaderboard(open_page: Open):
    page = open_page()
    cell = _leaderboard(page).locator("tbody td").nth(1)
    assert re.search(r"\d+\.\d\d\s*\[\d+\.\d\d, \d+\.\d\d\]", cell.inner_text())
    for leaderboard in range(2):
        ranks = [int(rank) for rank in _column(page, leaderboard, 2)]
        best = _leaderboard(page, leaderboard).locator("td:nth-child(3) .best")
        assert best.count() == ranks.count(min(ranks)) > 0


def test_the_best_is_that_of_the_rows_shown(open_page: Open):
    page = open_page()
    best = _leaderboard(page).locator("tbody tr:has(td:nth-child(3) .best)")
    first = best.first.get_attribute("data-method")
    page.get_by_text("Choose methods").click()
    page.locator(f"#method-filter input[value={first}]").uncheck()
    assert best.first.get_attribute("data-method") not in (None, first)


def test_every_column_is_explained(open_page: Open):
    page = open_page()
    page.get_by_text("What the columns mean").first.click()
    heads = _leaderboard(page).locator("thead button")
    named = page.locator(".leaderboard dl").first
    assert named.locator("dt").all_text_contents() == heads.all_text_contents()
    words = named.locator("dd").all_inner_texts()
    assert [head.get_attribute("title") for head in heads.all()] == words
    assert all(text.endswith(".") and len(text) > 15 for text in words)


def test_filters_leave_the_rows_that_are_asked_for(open_page: Open):
    page = open_page()
    rows = page.locator(".leaderboard:not([hidden]) tr[data-method]")
    shown, found = rows.count(), read_all(REPORTS / "results")
    page.get_by_text("Choose methods").click()
    page.get_by_role("checkbox", name="EDSR").uncheck()
    assert page.locator("tr[data-method=edsr]").count() == 0
    assert 0 < rows.count() < shown
    page.get_by_role("combobox", name="References", exact=True).select_option("refs_lr")
    wanted = {
        plain_name(result)
        for result in found
        if result.reference_list == "refs_lr" and not is_variant(result, found)
    }
    assert set(rows.locator("th").all_inner_texts()) == wanted
    page.get_by_role("combobox", name="Leaderboard", exact=True).select_option(index=2)
    assert page.locator(".leaderboard:visible").count() == 1
    every = sum(map(len, leaderboards(found).values()))
    assert page.get_by_role("status").inner_text().startswith(f"2 of {every} rows")


def test_methods_with_a_part_changed_are_shown_when_asked_for(open_page: Open):
    page = open_page()
    row = page.locator('tr[data-method="sparnet_s+memory-of-20"]')
    assert row.count() == 0
    page.get_by_text("Choose methods").click()
    page.get_by_role("checkbox", name="SPARNet-s + error memory of 20 faces").check()
    assert row.count() == 2


def test_the_protocol_is_described_in_words(open_page: Open):
    page = open_page()
    page.get_by_text("Protocol in words").first.click()
    assert "antialiased bicubic" in page.locator(".words").first.inner_text()


def test_charts_show_the_filtered_rows_and_any_cost(open_page: Open):
    page = open_page()
    chart = page.locator(".chart").first
    marks = chart.locator("svg[role=img] title")
    names = [text.split(":")[0] for text in marks.all_text_contents()]
    assert {"EDSR", "Bicubic", "MSRNet (5 references)"} <= set(names)
    assert "Nearest reference" in chart.locator(".about").inner_text()
    page.get_by_text("Choose methods").click()
    page.get_by_role("checkbox", name="EDSR").uncheck()
    assert marks.count() == len(names) - 1
    chart.get_by_role("combobox").select_option("parameters")
    assert "parameters" in chart.get_by_role("img").get_attribute("aria-label")
    assert chart.locator("line[stroke-dasharray]").count() == 1  # Bicubic has no parameters.


def test_wins_of_a_pair_add_up(open_page: Open):
    page = open_page()
    page.get_by_text("Wins, face by face").first.click()
    lines = page.locator(".wins").first.locator("tbody tr").all()
    cells = [line.locator("td").all_inner_texts() for line in lines]
    for row in range(len(cells)):
        for column in range(row):
            assert abs(int(cells[row][column]) + int(cells[column][row]) - 100) <= 1


def test_arrow_keys_move_the_divider(open_page: Open):
    page = open_page()
    slider = page.get_by_role("slider")
    slider.focus()
    before = _visible_width(page)
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "60"
    assert _visible_width(page) == pytest.approx(before * 1.2, rel=0.02)
    assert slider.get_attribute("aria-valuetext").startswith("60 % Bicubic")
    page.keyboard.press("Home")
    assert _visible_width(page) == 0


def test_the_mouse_moves_the_divider(open_page: Open):
    page = open_page()
    box = page.locator("#slider")
    box.scroll_into_view_if_needed()
    at = box.bounding_box()
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + 50)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] * 0.8, at["y"] + 50, steps=4)
    page.mouse.up()
    assert int(page.get_by_role("slider").input_value()) == pytest.approx(80, abs=2)
    assert _visible_width(page) == pytest.approx(0.8 * at["width"], rel=0.03)


def test_a_finger_moves_the_divider_on_a_phone(open_page: Open):
    page = open_page(width=390, has_touch=True, is_mobile=True)
    box = page.locator("#slider")
    box.scroll_into_view_if_needed()
    at = box.bounding_box()
    finger = page.context.new_cdp_session(page)
    for kind, share in [("touchStart", 0.5), ("touchMove", 0.4), ("touchMove", 0.2)]:
        spot = {"x": at["x"] + share * at["width"], "y": at["y"] + at["height"] / 2}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [spot]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert int(page.get_by_role("slider").input_value()) == pytest.approx(20, abs=3)
    assert _visible_width(page) == pytest.approx(0.2 * at["width"], abs=0.03 * at["width"])


def _visible_width(page: Any) -> float:
    """Pixels of the left image that its clip leaves."""
    clip = page.locator("#left-image").evaluate("node => getComputedStyle(node).clipPath")
    width = page.locator("#left-image").evaluate("node => node.clientWidth")
    cut = re.search(r"inset\(0px calc\(100% - ([\d.]+)%\)", clip)
    if cut:
        return width * float(cut[1]) / 100
    percent = re.search(r"inset\(0(?:px)? ([\d.]+)(%|px)", clip)
    assert percent, clip
    share = float(percent[1]) / (100 if percent[2] == "%" else width)
    return width * (1 - share)


def test_images_of_each_face_and_side_can_be_chosen(open_page: Open):
    page = open_page()
    page.get_by_role("combobox", name="Left", exact=True).select_option("LR")
    page.get_by_role("combobox", name="Right", exact=True).select_option("Reference 1")
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#left-image").get_attribute("alt") == "Face 2: LR"
    assert page.locator("#right-image").get_attribute("alt") == "Face 2: Reference 1"
    assert "alike" in page.locator("#right-caption").inner_text()
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    sizes = "[...document.querySelectorAll('.gallery img')].map((image) => image.naturalWidth)"
    assert set(page.evaluate(sizes)) == {16, 128}


def test_faces_come_first_and_the_leaderboards_after_their_references(open_page: Open):
    page = open_page()
    heads = page.locator("h2").all_inner_texts()
    assert heads == ["Before and after", "Each face and its references", "Leaderboards", "Limits"]
    assert page.locator("#left-caption").inner_text().startswith("Bicubic")
    rows = page.locator("#references > li")
    assert rows.count() == page.get_by_role("radio").count()
    lr, *references, hr = rows.first.locator("figcaption").all_inner_texts()
    assert (lr, hr) == ("LR", "HR")
    alike = [float(text.removesuffix(" alike")) for text in references]
    assert alike == sorted(alike, reverse=True)
    assert len(alike) == 5
    rendering = "node => getComputedStyle(node).imageRendering"
    images = rows.first.locator("img").all()
    assert [image.evaluate(rendering) for image in images] == ["pixelated"] + ["auto"] * 6


def test_without_images_the_leaderboards_come_first(open_page: Open, site: Path, tmp_path: Path):
    bare = shutil.copytree(site, tmp_path / "bare", ignore=shutil.ignore_patterns(IMAGES))
    (bare / GALLERY).write_text(NO_IMAGES, encoding="utf-8")
    page = open_page((bare / PAGE).as_uri())
    assert page.locator("h2:visible").all_inner_texts() == ["Leaderboards", "Limits"]
    assert page.locator("img:visible").count() == 0


def test_what_references_give_is_the_difference_of_two_rows(open_page: Open):
    page = open_page()
    table = page.locator(".leaderboard").first.locator(".help table")
    row = table.locator("tbody tr", has_text="MSRNet").first
    given, none, gain = (float(text.split()[0]) for text in row.locator("td").all_inner_texts())
    assert gain == pytest.approx(given - none, abs=0.011)
    assert page.locator(".answer").first.inner_text().startswith("Hardly. With references")
    named = _leaderboard(page).locator("tbody tr", has_text="MSRNet (no references)").locator("td")
    assert named.nth(1).inner_text().startswith(f"{none:.2f}")


def test_colours_follow_the_system_and_the_button(open_page: Open):
    page = open_page(color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_role("button", name="Light colours").click()
    light = page.evaluate(paper)
    assert _brightness(dark) < 60
    assert _brightness(light) > 200
    page.reload()
    assert page.evaluate(paper) == light
    assert open_page(color_scheme="light").evaluate(paper) == light


def _brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_paper(open_page: Open, scheme: str):
    page = open_page(color_scheme=scheme)
    colours = page.evaluate(
        """() => ["--paper", "--ink", "--quiet", "--accent"].map((name) => {
          const node = document.body.appendChild(document.createElement("i"));
          node.style.color = `var(${name})`;
          return getComputedStyle(node).color;
        })"""
    )
    paper, *inks = map(_luminance, colours)
    for ink in inks:
        low, high = sorted((paper, ink))
        assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2.2, 1.4.3.


def _luminance(colour: str) -> float:
    """Relative luminance of sRGB, WCAG 2.2."""
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_title_has_the_button_beside_it_and_the_words_below(open_page: Open):
    for width in (390, 1400):
        page = open_page(width=width)
        title, words = (page.locator(f"header {tag}").bounding_box() for tag in ("h1", "p"))
        button = page.locator("#theme").bounding_box()
        assert button["x"] > title["x"] + title["width"]
        assert words["y"] >= max(box["y"] + box["height"] for box in (title, button))
        assert words["x"] == title["x"]
        room = page.locator("header").bounding_box()["width"]
        assert words["width"] >= min(room, 46 * 16) - 1  # As wide as any text, below the button.


def test_everything_that_acts_has_a_name(open_page: Open):
    page = open_page()
    _open_all(page)
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    seen = [node for node in nodes if not node["ignored"] and node["role"]["value"] in NEED_NAMES]
    assert {"button", "slider", "combobox"} <= {node["role"]["value"] for node in seen}
    nameless = [node["role"]["value"] for node in seen if not node["name"]["value"].strip()]
    assert nameless == []
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((h) => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def _open_all(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")


@pytest.mark.parametrize("width", [320, 390])
def test_a_narrow_phone_scrolls_one_way_only(open_page: Open, width: int):
    page = open_page(width=width)
    _open_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wide = page.locator(".wide").first
    assert wide.evaluate("node => node.scrollWidth > node.clientWidth")
    assert page.locator("#slider").bounding_box()["width"] <= width
    last = page.locator("#references > li").first.locator("figure").last.bounding_box()
    assert last["x"] + last["width"] <= width


def test_the_page_opens_from_disk(open_page: Open, site: Path):
    page = open_page((site / "index.html").as_uri())
    assert _leaderboard(page).locator("tbody tr").count() > 1
    assert page.locator("#left-image").evaluate("node => node.naturalWidth") > 0


def test_without_scripts_the_leaderboards_are_text(open_page: Open):
    page = open_page(java_script_enabled=False)
    assert "MSRNet (K=5, refs_lr)" in page.locator("noscript").inner_text()


def test_the_page_asks_nobody_else(open_page: Open, served: str):
    page = open_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert asked
    assert all(url.startswith((served, "data:")) for url in asked)
