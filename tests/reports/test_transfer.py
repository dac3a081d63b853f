"""The page on transfer follows from its numbers and results, and says what they say."""

from itertools import pairwise
from pathlib import Path

import pytest

from benchmark.protocol.tasks import task
from benchmark.results.paired import paired
from reports.scripts import ablations_page, likeness_page, training_length_page, transfer_page
from reports.scripts.sample import attributes
from reports.scripts.transfer_page import BASE, Row

REPORTS = Path(__file__).resolve().parents[2] / "reports"


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The committed rows."""
    return transfer_page.rows_of(REPORTS)


def test_the_page_is_that_of_the_numbers(rows: list[Row]):
    made = transfer_page.whole(REPORTS, rows)
    assert (REPORTS / "transfer.md").read_text(encoding="utf-8") == made, "run: make reports"


def test_networks_are_from_where_the_task_says_and_their_pool_is_of_the_target(rows: list[Row]):
    for row in rows:
        home = not task(row.task).trained_on
        for result in row.results:
            assert result.split == "test"
            if result.training:
                assert (result.training["data_revision"] == result.data_revision) == home
            if result.adaptation:
                assert result.adaptation["pool"] == result.data_revision


def test_all_of_the_pool_is_worth_more_than_part_of_it_and_than_none(rows: list[Row]):
    for name, network in {(row.task, row.network) for row in rows}:
        mine = {row.way: row for row in rows if (row.task, row.network) == (name, network)}
        if "memory" not in mine:
            continue
        ways = ["memory of 20", "memory of 100", "memory"]
        if "-to-lfw-" in name:
            ways.remove("memory of 20")
        if not task(name).trained_on:
            ways = ["memory"]
        gains = [mine[way].gain("psnr_y") for way in ways]
        assert gains[0].low > 0
        assert all(less.mean < more.mean for less, more in pairwise(gains))
        assert BASE in mine


def test_the_memory_gains_less_in_the_training_domain_and_no_less_on_the_sample_as_training_grows():
    lines = {(line.task, line.title): line for line in training_length_page.length_lines(REPORTS)}
    shrinking, lasting = (
        list(lines[name, "SPARNet-s, error memory"].gains.values())
        for name in ("lfw-x8@1", "lfw-to-sample-x8@1")
    )
    assert shrinking[0].low > shrinking[-1].high
    assert lasting[-1].mean > lasting[0].mean
    for line in lines.values():
        assert line.base[min(line.base)] < line.base[max(line.base)]


def test_errors_on_look_alikes_beat_those_on_random_faces_away_from_home():
    for one in (one for one in likeness_page.numbers(REPORTS).values() if not one["home"]):
        for count in (5, 20, 64):
            alike, random = (
                likeness_page.mean_error_gains(one, kind, count).mean()
                for kind in likeness_page.KINDS
            )
            assert alike > random


def test_look_alikes_as_references_beat_random_faces_away_from_home():
    away = [one for one in likeness_page.all_given(REPORTS) if task(one.task).trained_on]
    assert away
    for one in away:
        assert one.gain("random").low > 0
        assert one.alike_over_random.low > 0


def test_references_by_the_encoder_are_more_often_of_the_same_sex_on_train():
    sets = likeness_page.numbers(REPORTS, "agreement")["sets"]
    found = {
        (one.split, one.attribute, one.references): one for one in likeness_page.all_agreeing(sets)
    }
    both = found["train", "sex", "`refs_lr` by encoder and appearance"]
    assert paired(both.shares, both.appearance).low > 0
    assert both.appearance.mean() > both.random.mean()


def test_ablations_lose_what_their_page_says():
    lost = {(one.task, one.method): one.lost for one in ablations_page.all_parts(REPORTS)}
    for part in ("worlds", "regression"):
        wild = lost["lfw-to-celeba-wild-x8@1", f"msrnet-no-{part}"]
        assert wild is not None
        assert wild.p < 0.001
        assert wild.low > 0
    for part in ("error", "worlds", "regression"):
        on_sample = lost["lfw-to-sample-x8@1", f"msrnet-no-{part}"]
        assert on_sample is not None
        assert on_sample.p > 0.05


def test_the_people_of_the_sample_are_known():
    lines = attributes.table().splitlines()
    assert lines[0] == "image_id,sex,age"
    assert len(lines) == 1 + 384
    people = {(line[:4], *line.split(",")[1:]) for line in lines[1:]}
    assert len(people) == 64
    assert {word for _, *both in people for word in both} == {"female", "male", "older", "younger"}
