"""Damage of every kind is an error that names the file, and no row of a leaderboard."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import faceref
from benchmark.cli.app import app
from benchmark.evaluation import record
from benchmark.protocol.budgets import BUDGETS
from benchmark.report.leaderboard import Leaderboard
from benchmark.results import files as result_files
from benchmark.results import replacing
from benchmark.results.find import find_leaderboard
from benchmark.results.replacing import need_replaceable, need_same_faces
from benchmark.results.result import image_digest, leaderboards, merge_seeds, seed_spread
from benchmark.results.validate import validate_all
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from tests.benchmark.made_results import FACES, IDS, made


def test_scores_lie_beside_the_json_with_their_image_ids(tmp_path: Path):
    result = made("edsr", 27, seconds=2.5, peak_memory_mib=300.0)
    result.scores["landmarks"] = [None, *[0.25] * (FACES - 1)]
    path = result_files.write(result, tmp_path)
    table = pq.read_table(path.with_suffix(".parquet"))
    assert table.column_names == ["image_id", *result.scores]
    assert table.column("image_id").to_pylist() == IDS
    assert "scores" not in json.loads(path.read_text())
    assert result_files.read(path) == result
    assert len(list(path.parent.iterdir())) == 2


def test_a_result_keeps_what_it_was_scored_in_before(tmp_path: Path):
    before, after = made("edsr", 27), made("edsr", 27, milliseconds=9.0)
    before.scores["lpips_alex"] = [0.25] * FACES
    before.means["lpips_alex"] = 0.25
    before.set_scores["fid"] = 40.0
    after.scores["identity"] = [0.5] * FACES
    after.means["identity"] = 0.5
    result_files.write(before, tmp_path)
    found = result_files.with_older_metrics(after, tmp_path)
    assert found.milliseconds == 9.0
    assert found.means == {**before.means, "identity": 0.5}
    assert set(found.scores) == {*before.scores, "identity"}
    assert found.set_scores == {"fid": 40.0}
    for other in (
        replace(after, training={**(after.training or {}), "weights_sha256": "others"}),
        replace(after, scores={**after.scores, "psnr_y": [27.0] * FACES}),
        replace(after, images_sha256="others"),
        made("srcnn", 27),
    ):
        assert result_files.with_older_metrics(other, tmp_path) == other


def change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def seal(path: Path, **fields: object) -> None:
    """Change fields and write the hash that belongs to them."""
    content = {**json.loads(path.read_text()), **fields}
    content["sha256"] = result_files._digest(content)
    path.write_text(json.dumps(content))


def other_scores(path: Path) -> None:
    result = result_files.read(path)
    better = {name: [v + 1 for v in row if v is not None] for name, row in result.scores.items()}
    table = result_files._to_parquet(replace(result, scores=better))
    path.with_suffix(".parquet").write_bytes(table)


DAMAGE = {
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:200]), "is cut off: it ends in line"),
    "list": (lambda path: path.write_text("[]"), "expected an object"),
    "nan": (lambda path: change(path, milliseconds=float("nan")), "holds NaN, which is no number"),
    "number changed": (lambda path: change(path, parameters=5), "was changed since"),
    "past": (lambda path: change(path, format=1), "format 1, expected 2"),
    "future": (lambda path: change(path, format=9), "format 9, expected 2"),
    "mean raised": (lambda path: seal(path, means={"psnr_y": 40.0}), "the mean of psnr_y is 40.0"),
    "field gone": (
        lambda path: path.write_text(
            json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "title"})
        ),
        "was changed since",
    ),
    "wrong type": (lambda path: seal(path, seed="zero"), "seed is 'zero', expected int or null"),
    "field unknown": (lambda path: seal(path, shoes=42), "has unknown shoes"),
    "scores gone": (lambda path: path.with_suffix(".parquet").unlink(), "has no scores"),
    "scores cut": (
        lambda path: path.with_suffix(".parquet").write_bytes(b"PAR1"),
        "damaged or was changed",
    ),
    "scores raised": (other_scores, "damaged or was changed"),
    "images": (lambda path: seal(path, images_sha256="c" * 64), "not those of images_sha256"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named_and_is_on_no_leaderboard(tmp_path: Path, kind: str):
    result_files.write(made("srcnn", 26), tmp_path)
    path = result_files.write(made("edsr", 27), tmp_path)
    spoil, said = DAMAGE[kind]
    spoil(path)
    with pytest.raises(FaceRefError, match=said) as caught:
        Leaderboard.of(tmp_path).to_markdown()
    assert path.stem in str(caught.value)
    assert ("Update face-ref" if kind == "future" else "valuate again") in str(caught.value)
    assert "srcnn" not in str(caught.value)


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (float("nan"), "1 images without psnr_y|psnr_y of image 1 is nan"),
        (float("inf"), "psnr_y of image 1 is inf"),
        (-3.0, r"psnr_y of image 1 is -3.0, outside \[0, 100\]"),
        ("27", "no numbers|mean"),
    ],
)
def test_a_score_that_is_no_score_is_not_written(tmp_path: Path, score: object, said: str):
    result = made("edsr", 27)
    row: list[object] = [score, *result.scores["psnr_y"][1:]]
    result = replace(result, scores={**result.scores, "psnr_y": row})  # pyright: ignore
    with pytest.raises(FaceRefError, match=said):
        result_files.write(result, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_image_counts_once(tmp_path: Path):
    twice = [*IDS[:-1], IDS[0]]
    with pytest.raises(FaceRefError, match="there twice"):
        result_files.write(
            made("edsr", 27, image_ids=twice, images_sha256=image_digest(twice)), tmp_path
        )


def test_a_copied_run_is_an_error_that_names_both(tmp_path: Path):
    path = result_files.write(made("edsr", 27), tmp_path)
    for suffix in (".json", ".parquet"):
        copy = path.with_name(f"small-s1{suffix}")
        copy.write_bytes(path.with_suffix(suffix).read_bytes())
    with pytest.raises(FaceRefError, match=r"small-s1\.json.*small-s0\.json.*counts once"):
        Leaderboard.of(tmp_path).to_markdown()


ADAPTED = {"pool": "1" * 64, "network_sha256": "2" * 64, "learning_rate": None}


@pytest.mark.parametrize(
    ("changes", "said", "by_suite"),
    [
        ({"data_revision": "b" * 64}, "another set .*: aaaaaaaaaaaa, now bbbbbbbbbbbb", False),
        ({"split": "val"}, "another split: test, now val", False),
        ({"images": FACES - 1}, f"{FACES} faces of test, which {FACES - 1}", True),
        (
            {"training": {"weights_sha256": "other"}},
            "SHA-256 of its weights: edsr, now other",
            True,
        ),
        ({"weights": {"sha256": "3" * 64}}, "SHA-256 of its weights: none, now 333", True),
        ({"adaptation": {**ADAPTED, "pool": "4" * 64}}, "another pool .*: 111.*, now 444", True),
        ({"adaptation": {**ADAPTED, "error_taken": 0.2}}, "error .*: none, now 0.2", True),
        (
            {"adaptation": {**ADAPTED, "steps": 7, "seconds": 2.5}},
            "another fine-tuning .*: none, now 2.5",
            True,
        ),
        ({"images": FACES + 1, "milliseconds": 1.0}, "", True),
    ],
)
def test_what_a_result_may_replace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict, said: str, by_suite: bool
):
    older = made("edsr", 27, adaptation=ADAPTED)
    monkeypatch.setattr(replacing, "read_if_whole", lambda path: older)
    if "training" in changes:
        changes = {"training": {**(older.training or {}), **changes["training"]}}
    newer = replace(older, **changes)
    if said:
        with pytest.raises(FaceRefError, match=said):
            need_replaceable(newer, tmp_path)
    else:
        need_replaceable(newer, tmp_path)
    asked = newer.path(tmp_path), newer.data_revision, newer.split
    if by_suite:
        need_same_faces(*asked)
    else:
        with pytest.raises(
            FaceRefError, match=rf"{said}.*new folder as --out, or delete {asked[0]}"
        ):
            need_same_faces(*asked)


@pytest.mark.parametrize("budget", [None, "small"])
def test_a_run_in_two_folders_counts_once_and_two_results_of_it_are_an_error(
    tmp_path: Path, budget: str | None
):
    theirs = tmp_path / "theirs"
    for folder in (tmp_path, theirs):
        result_files.write(made("edsr", 27, budget), folder)
    result_files.write(made("srcnn", 26), theirs)
    found = result_files.read_all(tmp_path)
    assert sorted(row.method for row in found) == ["edsr", "srcnn"]
    Leaderboard.of(tmp_path).to_markdown()
    result_files.write(made("edsr", 27, budget, milliseconds=9.0), theirs)
    run = "small-s0" if budget else "untrained"
    with pytest.raises(FaceRefError, match=rf"edsr/{run}\.json and .*theirs.*counts once"):
        result_files.read_all(tmp_path)


def test_one_run_on_two_sets_is_read_from_two_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("a", "b"):
        result_files.write(made("edsr", 27, data_revision=name * 64), tmp_path / name)
    assert len(Leaderboard.of(tmp_path)) == 2
    for name in ("a", "b"):
        key, rows = find_leaderboard(tmp_path, "small", "", data=name * 64)
        assert (key.data_revision, len(rows)) == (name * 64, 1)
    assert not capsys.readouterr().err
    result_files.write(made("edsr", 28, data_revision="b" * 64), tmp_path / "a" / "c")
    with pytest.raises(FaceRefError, match="two different results of one run on one set"):
        result_files.read_all(tmp_path)


def test_every_damaged_file_is_named_at_once(tmp_path: Path):
    for method in ("edsr", "srcnn", "rcan"):
        change(result_files.write(made(method, 27), tmp_path), seed=9)
    with pytest.raises(FaceRefError) as caught:
        result_files.read_all(tmp_path)
    assert all(f"/{method}/" in str(caught.value) for method in ("edsr", "srcnn", "rcan"))


def test_seeds_of_one_method_are_one_row():
    rows = [made("edsr", 26 + seed / 10, seed=seed) for seed in range(3)]
    merged = merge_seeds([*rows, made("srcnn", 25)])
    assert [row.method for row in merged] == ["edsr", "srcnn"]
    assert merged[0].repeats == tuple(rows)
    assert merged[0].means["psnr_y"] == pytest.approx(26.1)
    firsts = [row.scores["psnr_y"][0] for row in rows]
    assert merged[0].scores["psnr_y"][0] == pytest.approx(sum(v for v in firsts if v) / 3)
    assert seed_spread(merged[0], "psnr_y") == pytest.approx(0.1)
    assert seed_spread(merged[1], "psnr_y") is None


def test_seeds_of_another_learning_rate_or_precision_are_another_row():
    ways = [{"precision": "bf16"}, {"precision": "bf16"}, {"precision": "fp32"}]
    ways = [*ways, {"precision": "bf16", "learning_rate": 1e-3}]
    rows = []
    for seed, way in enumerate(ways):
        row = made("edsr", 26, seed=seed)
        rows.append(replace(row, training={**(row.training or {}), **way}))
    found = {row.title: len(row.single_seeds) for row in merge_seeds(rows)}
    rate = BUDGETS["small"].learning_rate
    assert found == {
        f"EDSR, learning rate {rate:g}, bf16": 2,
        f"EDSR, learning rate {rate:g}, fp32": 1,
        "EDSR, learning rate 0.001, bf16": 1,
    }
    assert [row.title for row in merge_seeds(rows[:2])] == ["EDSR"]
    assert [row.title for row in merge_seeds(rows[1:3])] == ["EDSR, bf16", "EDSR, fp32"]


def test_seeds_are_named_on_the_leaderboard(tmp_path: Path):
    for seed in range(3):
        result_files.write(made("edsr", 26 + seed / 10, seed=seed), tmp_path)
    result_files.write(made("srcnn", 25), tmp_path)
    text = Leaderboard.of(tmp_path).to_markdown()
    assert "| EDSR | 1 | 3 (±0.100) | 26.10" in text
    assert "| SRCNN | 2 | 1 | 25.00" in text
    assert len(next(iter(leaderboards(result_files.read_all(tmp_path)).values()))) == 2


def test_validate_names_what_is_wrong_and_what_is_sound(tmp_path: Path):
    good = result_files.write(made("srcnn", 26), tmp_path)
    bad = result_files.write(made("edsr", 27), tmp_path)
    change(bad, parameters=5)
    found = validate_all([tmp_path])
    assert found[good] is None
    assert "was changed" in str(found[bad])
    ran = CliRunner().invoke(app, ["validate", str(tmp_path)])
    assert ran.exit_code == 1
    assert "2 results, 1 of them wrong" in ran.output
    assert CliRunner().invoke(app, ["validate", str(good)]).exit_code == 0
    with pytest.raises(FaceRefError, match="There is no"):
        validate_all([tmp_path / "nowhere"])


def test_validate_against_a_face_ref(tiny_face_ref: Path, tmp_path: Path):
    from benchmark.evaluation.evaluate import evaluate
    from benchmark.evaluation.setting import Setting

    result = evaluate(FaceRef.open(tiny_face_ref), "bicubic", Setting("folder-x8@1", faces=4))
    path = result_files.write(result, tmp_path)
    other = result_files.write(made("edsr", 27), tmp_path)
    found = validate_all([path, other], FaceRef.open(tiny_face_ref))
    assert found[path] is None
    assert "is of the Face_Ref aaaaaaaaaaaa" in str(found[other])
    ids = [f"x{number}" for number in range(result.images)]
    strange = replace(result, image_ids=ids, images_sha256=image_digest(ids))
    path = result_files.write(strange, tmp_path)
    assert "was not scored on the 4 faces" in str(
        validate_all([path], FaceRef.open(tiny_face_ref))[path]
    )


def test_reading_results_imports_no_torch(tmp_path: Path):
    path = result_files.write(made("edsr", 27), tmp_path)
    code = (
        "import sys; from pathlib import Path; from benchmark.results.files import read; "
        f"read(Path({str(path)!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.case("E31")
def test_hidden_files_are_not_ours(tmp_path: Path):
    path = result_files.write(made("edsr", 27), tmp_path)
    path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07Mac OS X")
    hidden = tmp_path / ".trash" / "edsr" / path.name
    hidden.parent.mkdir(parents=True)
    hidden.write_text("junk")
    assert [row.method for row in result_files.read_all(tmp_path)] == ["edsr"]
    assert set(validate_all([tmp_path])) == {path}


@pytest.mark.case("E31")
def test_a_damaged_result_says_how_to_go_on_without_it(tmp_path: Path):
    paths = [result_files.write(made(name, 27), tmp_path) for name in ("edsr", "srcnn")]
    paths[0].write_text("{")
    with pytest.raises(FaceRefError) as caught:
        result_files.read_all(tmp_path)
    assert str(caught.value) == (
        f"{paths[0]} is cut off: it ends in line 1. Evaluate again. To go on without it, move it "
        f"out of {tmp_path}."
    )
    paths[0].rename(tmp_path / "edsr.json")
    assert [row.method for row in result_files.read_all(tmp_path)] == ["srcnn"]


@pytest.mark.case("F `|` or a newline in a method's name tears the table")
@pytest.mark.parametrize("field", ["method", "title", "budget"])
def test_a_result_whose_name_would_tear_a_table_is_refused(tmp_path: Path, field: str):
    result = replace(made("edsr", 27), **{field: "two\nlines"})  # pyright: ignore
    with pytest.raises(FaceRefError, match=rf"{field} is 'two\\nlines', expected"):
        result_files.write(result, tmp_path)


@pytest.mark.case("F `|` or a newline in a method's name tears the table")
def test_a_bar_in_a_title_is_escaped(tmp_path: Path):
    result_files.write(made("edsr", 27, title="ED|SR"), tmp_path)
    assert r"| ED\|SR |" in Leaderboard.of(tmp_path).to_markdown()


def test_all_committed_results_are_read():
    root = Path(__file__).parents[3] / "reports" / "results"
    assert len(result_files.read_all(root)) == len(result_files.result_paths(root)) > 20


def test_outputs_from_outside_are_no_variant():
    from benchmark.results.result import is_variant

    board = [made("edsr", 27), made("edsr-official", 28, None), made("edsr-small", 26)]
    assert [is_variant(row, board) for row in board] == [False, False, True]


def test_results_of_others_lie_in_folders_of_their_own(tmp_path: Path):
    result_files.write(made("edsr", 27), tmp_path)
    result_files.write(made("srcnn", 26), tmp_path / "theirs" / "of May")
    (tmp_path / "theirs" / "runs" / "edsr").mkdir(parents=True)
    (tmp_path / "theirs" / "runs" / "edsr" / "training.json").write_text("{}")
    assert [row.method for row in result_files.read_all(tmp_path)] == ["edsr", "srcnn"]


def test_outputs_from_outside_are_named_below_a_leaderboard(tmp_path: Path):
    rows = [made("edsr", 27), made("bicubic", 25, None), made("theirs", 28, None, parameters=None)]
    leaderboard = Leaderboard.of(rows)
    said = "From outside, so not trained by this budget as far as is known: THEIRS."
    assert said in leaderboard.to_markdown()
    assert f"% {said}" in leaderboard.to_latex()


def test_the_commit_of_a_repository_around_an_installed_copy_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(record, "_git", lambda root, *words: str(tmp_path))
    assert record.code_version() == faceref.__version__
    root = Path(record.__file__).resolve().parents[2]
    told = {"rev-parse --show-toplevel": str(root), "rev-parse --short=12 HEAD": "abc"}
    monkeypatch.setattr(record, "_git", lambda root, *words: told.get(" ".join(words), " M x.py"))
    assert record.code_version() == f"{faceref.__version__}+abc-dirty"
