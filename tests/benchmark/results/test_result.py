from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.evaluation.record import first_parts_are_people
from benchmark.protocol.budgets import BUDGETS
from benchmark.report.leaderboard import Leaderboard
from benchmark.report.plots import quality_against_cost, validation_curves
from benchmark.report.style import save_figure
from benchmark.results import files as result_files
from benchmark.results.paired import paired_results
from benchmark.results.ranking import leaderboard_name, leaderboard_title
from benchmark.results.result import Result, image_digest, leaderboards
from benchmark.results.statistics import bootstrap
from faceref.errors import FaceRefError

IDS = ["a/1", "a/2", "b/1"]


def make(method: str, quality: float, budget: str | None = "small", **changes: object) -> Result:
    psnr: list[float | None] = [quality - 0.5, quality, quality + 0.5]
    training = {
        "seconds": 90.0,
        "uses_references": method == "msrnet",
        "weights_sha256": method,
        "data_revision": "a" * 64,
        "val_curve": [[10, quality - 1], [20, quality]],
        "learning_rate": BUDGETS[budget].learning_rate if budget in BUDGETS else None,
    }
    flat: list[float | None] = [0.5] * 3
    result = Result(
        task="lfw-x8@1",
        method=method,
        title=method.upper(),
        budget=budget,
        split="test",
        references=0,
        reference_list=None,
        data_revision="a" * 64,
        images=3,
        images_sha256=image_digest(IDS),
        image_ids=IDS,
        scores={"psnr_y": psnr, "ssim_y": flat, "psnr_rgb": psnr, "ssim_rgb": flat},
        means={"psnr_y": quality, "ssim_y": 0.5, "psnr_rgb": quality, "ssim_rgb": 0.5},
        parameters=1_500_000 if budget else 0,
        macs=2_000_000_000 if budget else 0,
        milliseconds=12.5,
        training=training if budget else None,
        seed=0 if budget else None,
        code="0.1.0",
        hardware={},
        versions={},
    )
    return replace(result, **changes)  # pyright: ignore[reportArgumentType]


def test_a_result_survives_the_disk(tmp_path: Path):
    result = make("edsr", 27)
    path = result_files.write(result, tmp_path)
    assert path == tmp_path / "lfw-x8@1" / "edsr" / "small-s0.json"
    assert result_files.read(path) == result
    assert max(map(len, path.read_text().splitlines())) < 120


def test_names_tell_runs_apart():
    with_references = make("msrnet", 27, references=5, reference_list="refs_lr")
    assert with_references.run == "small-refs_lr-k5-s0"
    assert make("msrnet", 27).run == "small-k0-s0"
    assert make("bicubic", 25, None).run == "untrained"


def test_damaged_results_are_named(tmp_path: Path):
    path = result_files.write(make("edsr", 27), tmp_path)
    text = path.read_text()
    for broken in ("{", "[]", text.replace('"images": 3', '"images": 4')):
        path.write_text(broken)
        with pytest.raises(FaceRefError, match=r"small-s0\.json"):
            result_files.read(path)


def test_the_leaderboard_ranks_and_compares_image_by_image(tmp_path: Path):
    for result in (
        make("bicubic", 25, None),
        make("edsr", 26.5),
        make("msrnet", 27, references=5, reference_list="refs_lr"),
        make("msrnet", 60, references=1, reference_list="target"),
        make("srcnn", 25.5, "debug"),
    ):
        result_files.write(result, tmp_path)
    text = Leaderboard.of(tmp_path).to_markdown()
    small = text[text.index("budget `small`") :]
    lines = [line for line in small.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| MSRNET (K=5, refs_lr)",
        "| EDSR",
        "| BICUBIC",
    ]
    assert "+2.00 [+2.00, +2.00]" in lines[2]
    assert "60.00" not in text
    assert "SRCNN" not in small
    assert "BICUBIC" in text[: text.index("budget `small`")]


def test_variants_have_a_table_of_their_own(tmp_path: Path):
    for row in (make("edsr", 26), make("edsr-no-tail", 27), make("other-net", 25)):
        result_files.write(row, tmp_path)
    whole, changed = Leaderboard.of(tmp_path).to_markdown().split("Variants, ranked")
    assert "| EDSR | " in whole
    assert "| OTHER-NET | " in whole  # There is no `other`: the hyphen is part of its name.
    assert "| EDSR-NO-TAIL | 1 | " in changed


def _leaderboard_with(folder: Path, method: str, **training: object) -> str:
    """The leaderboard of two trainings, of which that of `method` is so."""
    for name in ("edsr", "msrnet"):
        usual = {"precision": "bf16", "data_revision": "a" * 64, "hardware": {"threads": 2}}
        known = {**(make(name, 27).training or {}), **usual}
        changed = {**known, **training} if name == method else known
        result_files.write(make(name, 27, training=changed), folder)
    return Leaderboard.of(folder).to_markdown()


@pytest.mark.parametrize(
    ("training", "note"),
    [
        ({"precision": "fp32"}, "Trained in float32, others in bf16: EDSR, seed 0."),
        ({"learning_rate": 1e-3}, "learning rate than the budget's: EDSR, seed 0 (0.001)."),
        ({"data_revision": "b" * 64}, "may hold faces of its test split: EDSR, seed 0."),
        ({"data_revision": "b" * 64, "archived_from": "a" * 64}, "lossy images: EDSR, seed 0."),
        ({"hardware": {"threads": 1}}, "minutes cannot be compared: EDSR, seed 0."),
    ],
)
def test_the_leaderboard_names_what_was_trained_otherwise(
    training: dict[str, object], note: str, tmp_path: Path
):
    assert note in _leaderboard_with(tmp_path / "one", "edsr", **training)
    assert note.split(":")[0] not in _leaderboard_with(tmp_path / "none", "edsr")


def test_seeds_of_other_code_are_named(tmp_path: Path):
    for folder, codes in (("same", "aa"), ("other", "ab"), ("unknown", ["a", None])):
        for seed, code in enumerate(codes):
            row = make("edsr", 27, seed=seed)
            known = {**(row.training or {}), "method_sha256": code and code * 64}
            result_files.write(replace(row, training=known), tmp_path / folder)
        said = (
            "different source code of the method: EDSR."
            in Leaderboard.of(tmp_path / folder).to_markdown()
        )
        assert said == (folder == "other")


def test_the_usual_learning_rate_needs_no_word(tmp_path: Path):
    usual = BUDGETS["small"].learning_rate
    assert "learning rate" not in _leaderboard_with(tmp_path, "edsr", learning_rate=usual)


def test_another_rate_than_that_of_a_budget_for_other_faces_is_named(tmp_path: Path):
    for folder, rate in (("usual", 8e-4), ("other", 4e-4)):
        row = make("edsr", 27, budget="small-40000")
        known = {**(row.training or {}), "learning_rate": rate}
        result_files.write(replace(row, training=known), tmp_path / folder)
        said = "rate than the budget's" in Leaderboard.of(tmp_path / folder).to_markdown()
        assert said == (folder == "other")


def test_a_result_that_names_no_rate_has_that_of_its_budget():
    row = make("edsr", 27)
    assert row.learning_rate == 8e-4
    assert replace(row, training={**(row.training or {}), "learning_rate": 2e-4}).learning_rate == (
        2e-4
    )
    unnamed = {k: v for k, v in (row.training or {}).items() if k != "learning_rate"}
    for name in ("small", "small-40000", "small-40000-on-refs_lr"):
        bare = replace(row, training=unnamed, budget=name)
        assert bare.learning_rate == BUDGETS["small"].learning_rate, name


def test_the_leaderboard_says_where_references_differ(tmp_path: Path):
    for method, digest in (("msrnet", "1" * 64), ("ttsr_s", "1" * 64), ("masa_s", "2" * 64)):
        given = {"references": 5, "reference_list": "refs_lr", "references_sha256": digest}
        result_files.write(make(method, 27, **given), tmp_path)
    board = Leaderboard.of(tmp_path).to_markdown()
    assert "References of refs_lr, K = 5, were not the same for all rows: " in board
    assert "MASA_S, seed 0 (`22222222`)" in board
    assert "MSRNET, seed 0; TTSR_S, seed 0 (`11111111`)" in board


def test_a_metric_that_some_rows_have_is_a_column(tmp_path: Path):
    plain = make("edsr", 27)
    assert "LPIPS" not in _written(plain, tmp_path)
    scores = {**plain.scores, "lpips_alex": [0.25] * len(IDS)}
    more = {"scores": scores, "means": {**plain.means, "lpips_alex": 0.25}}
    board = _written(make("srcnn", 26, **more), tmp_path)
    assert "| SSIM-RGB | LPIPS (alex) ↓ | params, M |" in board
    rows = [line for line in board.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in rows}) == 1
    found = {row.split(" | ")[0]: row.split(" | ")[8] for row in rows}
    assert (found["| EDSR"], found["| SRCNN"]) == ("-", "0.2500")


def _written(result: Result, folder: Path) -> str:
    """The leaderboard once `result` is in `folder`, too."""
    result_files.write(result, folder)
    return Leaderboard.of(folder).to_markdown()


def test_other_data_is_another_leaderboard(tmp_path: Path):
    result_files.write(make("edsr", 27), tmp_path)
    result_files.write(make("srcnn", 26, data_revision="c" * 64), tmp_path)
    assert Leaderboard.of(tmp_path).to_markdown().count("## ") == 2


def test_the_leaderboard_is_the_same_from_the_same_results(tmp_path: Path):
    result_files.write(make("edsr", 27), tmp_path)
    assert Leaderboard.of(tmp_path).to_markdown() == Leaderboard.of(tmp_path).to_markdown()


def test_bootstrap_covers_the_mean_as_theory_has_it():
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = bootstrap(values.tolist())
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)


def test_plots_are_drawn(tmp_path: Path):
    rows = [make("bicubic", 25, None), make("edsr", 27), make("srcnn", 26)]
    save_figure(quality_against_cost(rows, "title"), tmp_path / "cost.png")
    assert validation_curves(rows, tmp_path / "val.png", "title")
    for name in ("cost.png", "val.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_val_curve_of_other_data_or_of_the_network_before_it_was_adapted_is_not_drawn(
    tmp_path: Path,
):
    adapted = make("edsr", 27, adaptation={"by": "memory"})
    elsewhere = make("srcnn", 26, data_revision="b" * 64)
    assert not validation_curves([adapted, elsewhere], tmp_path / "val.png", "title")
    assert not list(tmp_path.iterdir())


def test_ranks_of_the_leaderboard_treat_ties_as_ties(tmp_path: Path):
    noise = np.random.default_rng(0).normal(0, 0.1, (3, 200))
    methods = {"edsr": 27.0, "msrnet": 27.0, "srcnn": 26.0}
    for (name, quality), row in zip(methods.items(), noise, strict=True):
        psnr = (quality + row).tolist()
        flat = [0.5] * 200
        scores = {"psnr_y": psnr, "ssim_y": flat, "psnr_rgb": psnr, "ssim_rgb": flat}
        means = {metric: float(np.mean(row)) for metric, row in scores.items()}
        found = make(name, quality, images=200, scores=scores, means=means)
        ids = [f"face/{number}" for number in range(200)]
        found = replace(found, image_ids=ids, images_sha256=image_digest(ids))
        result_files.write(found, tmp_path)
    lines = [
        line
        for line in Leaderboard.of(tmp_path).to_markdown().splitlines()
        if line.startswith("| ")
    ][2:]
    assert [line.split(" | ")[1] for line in lines] == ["1", "1", "3"]


def test_results_of_different_images_do_not_share_a_leaderboard(tmp_path: Path):
    result_files.write(make("edsr", 27), tmp_path)
    others = ["a/1", "a/2", "c/9"]
    strange = make("srcnn", 26, images_sha256=image_digest(others), image_ids=others)
    result_files.write(strange, tmp_path)
    with pytest.raises(FaceRefError, match="different images"):
        Leaderboard.of(tmp_path).to_markdown()


def test_val_has_a_leaderboard_of_its_own(tmp_path: Path):
    for split in ("test", "val"):
        for method, quality in (("bicubic", 25), ("edsr", 27)):
            budget = None if method == "bicubic" else "small"
            result_files.write(make(method, quality, budget, split=split), tmp_path / split)
    found = leaderboards(
        [row for split in ("test", "val") for row in result_files.read_all(tmp_path / split)]
    )
    assert [(key.split, len(rows)) for key, rows in found.items()] == [("test", 2), ("val", 2)]
    titles, names = [*map(leaderboard_title, found)], [*map(leaderboard_name, found)]
    assert "split" not in titles[0]
    assert titles[1].endswith("split `val`)")
    assert names[1] == f"{names[0]}-val"


def test_a_damaged_result_is_replaced(tmp_path: Path):
    result = make("edsr", 27)
    path = result_files.write(result, tmp_path)
    path.write_text("{")
    assert result_files.with_older_metrics(result, tmp_path) == result
    result_files.write(result, tmp_path)
    assert result_files.read(path) == result


@pytest.mark.parametrize(
    ("task", "known", "people"),
    [
        ("lfw-x8@1", None, [0, 0, 1]),
        ("folder-x8@1", True, [0, 0, 1]),
        ("folder-x8@1", False, [0, 1, 2]),
        ("ffhq-x8@1", None, [0, 1, 2]),
        ("moon-x8@3", None, [0, 1, 2]),
    ],
)
def test_people_are_known_where_ids_name_them(task: str, known: bool | None, people: list[int]):
    ids = ["a/1", "a/2", "b/1"]
    result = make("edsr", 27, task=task, ids_name_people=known, image_ids=ids, images=3)
    assert result.people.tolist() == people
    whose = " of 2 people" if people[1] == 0 else ""
    assert result.faces_text == f"3 faces{whose}"


@pytest.mark.parametrize(
    ("ids", "people", "named"),
    [
        (["Ann/1", "Ann/2", "Bob/1"], [4, 4, 2], True),
        (["Ann/1", "Bob/1"], [1, 1], False),
        (["train/1", "train/2"], [0, 1], False),
        (["000001", "000002"], [0, 0], False),
        (["000001", "000002"], [0, 1], True),
    ],
)
def test_ids_name_people_where_their_first_parts_do(ids: list[str], people: list[int], named: bool):
    assert first_parts_are_people(ids, np.array(people)) is named


def test_rows_of_other_seeds_are_compared_over_the_trainings_that_they_share():
    """The worst seed alone was given random references, and gains by them."""

    def scored(seed: int, quality: float, references: int) -> Result:
        training = {**(make("msrnet", 27).training or {}), "weights_sha256": f"weights {seed}"}
        given = {"references": references, "reference_list": "random" if references else None}
        row = make("msrnet", quality, seed=seed, training=training, **given)
        # The same noise for each row, so that only quality differs.
        noise = np.array(make("msrnet", 0).scores["psnr_y"], float)
        return replace(row, scores={"psnr_y": (quality + noise).tolist()})

    alone = [scored(seed, 26.9 + 0.1 * seed, 0) for seed in range(3)]
    (table,) = Leaderboard.of([*alone, scored(0, 26.95, 5), make("bicubic", 25, None)]).tables
    ranks = {row.result.references: row.values["psnr_y"].rank for row in table.rows[:2]}
    assert [row.result.references for row in table.rows[:2]] == [0, 5]
    assert ranks == {0: 2, 5: 1}
    given, none = (row for row in table.results[1::-1])
    assert paired_results(given, none, "psnr_y").mean == pytest.approx(0.05)
    assert paired_results(none, given, "psnr_y").mean == pytest.approx(-0.05)
