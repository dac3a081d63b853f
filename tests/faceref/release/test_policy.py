"""What may not be published, by any route."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from faceref.cli.app import app
from faceref.dataset import store
from faceref.dataset.credits import CREDITS
from faceref.dataset.face_ref import FaceRef
from faceref.dataset.store import fingerprint
from faceref.embed.align import ARCFACE
from faceref.embed.base import Detection
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.release.format import FULL, REMOVALS
from faceref.release.make import Wish, make_release
from faceref.release.manifest_guard import check_manifest
from faceref.release.policy import Licence, PolicyError, policy_of, stated
from faceref.release.provenance import CELEBA_EYES
from faceref.sources.base import Choices
from faceref.sources.celeba import celeba
from faceref.sources.ffhq import ffhq
from faceref.sources.folder import folder
from tests.faceref.fakes import PlainEmbedder, face_image, write_people
from tests.faceref.layouts import IDENTITY, encoded, faces, write_celeba, write_ffhq

INDEX = Wish("me/set")
RECIPE = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))
CC = Licence("cc-by-4.0")


@pytest.fixture
def celeba_set(celeba_build: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(celeba_build, tmp_path / "celeba"))


@pytest.fixture
def folder_set(tiny_build: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_build, tmp_path / "folder"))


def _refused(root: Path, rule: str, wish: Wish = INDEX) -> None:
    out = root.parent / "release"
    with pytest.raises(PolicyError, match=f"^Rule {rule}: "):
        make_release(root, out, wish)
    assert not out.exists()
    assert not out.with_name("release.making").exists()


def _edit_manifest(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((root / store.MANIFEST).read_text())
    change(manifest)
    store.write_manifest(root, manifest)


def _edit_table(path: Path, change: Callable[[list[dict]], object]) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def _edit_rows(root: Path, change: Callable[[dict], object]) -> None:
    """Change every row and certify the result as a build would."""
    for path in (root / "data").glob("*.parquet"):
        _edit_table(path, lambda rows: [change(row) for row in rows])
    rows = [row for split in store.SPLITS for row in FaceRef.open(root).rows(split)]
    _edit_manifest(root, lambda manifest: manifest.update(fingerprint=fingerprint(rows)))


def _say_source(root: Path, source: str) -> None:
    _edit_rows(root, lambda row: row.update(source=source))
    _edit_table(root / store.REJECTS, lambda rows: [row.update(source=source) for row in rows])
    _edit_manifest(root, lambda manifest: manifest.update(source=source))


@pytest.mark.parametrize("licence", [None, CC, Licence("other", "mine", "https://example.org")])
def test_no_option_gives_pixels_of_celeba(celeba_set: Path, licence: Licence | None):
    _refused(celeba_set, "celeba-index-only", Wish("me/set", FULL, licence))


def test_no_licence_replaces_that_of_celeba(celeba_set: Path):
    _refused(celeba_set, "celeba-licence", Wish("me/set", licence=CC))


def test_the_command_refuses_pixels_of_celeba_and_writes_nothing(celeba_set: Path):
    command = ["publish", str(celeba_set), "me/set", "--full", "--licence", "cc0-1.0"]
    result = CliRunner().invoke(app, [*command, "--public", "--dry-run"])
    assert result.exit_code == 1
    assert "Rule celeba-index-only" in result.stderr
    assert [path.name for path in celeba_set.parent.iterdir()] == ["celeba"]


@pytest.mark.parametrize("source", ["folder", "sample", "ffhq", "hf"])
def test_a_manifest_that_names_another_source_is_refused(celeba_set: Path, source: str):
    _edit_manifest(celeba_set, lambda manifest: manifest.update(source=source))
    _refused(celeba_set, "one-source", Wish("me/set", FULL, CC))


def test_rows_or_rejects_of_celeba_in_a_folder_are_refused(folder_set: Path):
    _edit_table(folder_set / store.REJECTS, lambda rows: rows[0].update(source="celeba"))
    _refused(folder_set, "one-source", Wish("me/set", FULL, CC))
    _edit_table(folder_set / store.REJECTS, lambda rows: rows[0].update(source="folder"))
    path = folder_set / store.shard_name("val", 0, 1)
    _edit_table(path, lambda rows: rows[0].update(source="celeba"))
    _refused(folder_set, "one-source", Wish("me/set", FULL, CC))


def test_celeba_under_another_name_is_known_by_its_terms_then_by_its_file_names(celeba_set: Path):
    _say_source(celeba_set, "folder")
    with pytest.raises(PolicyError, match=r"disguised-celeba.*speaks of CelebA"):
        make_release(celeba_set, celeba_set.parent / "release", Wish("me/set", FULL, CC))
    _edit_manifest(celeba_set, lambda manifest: manifest.update(licence="mine"))
    with pytest.raises(PolicyError, match=r"disguised-celeba.*called as in CelebA"):
        make_release(celeba_set, celeba_set.parent / "release", Wish("me/set", FULL, CC))
    _refused(celeba_set, "disguised-celeba")


def test_a_folder_of_celeba_files_by_person_is_known_by_their_names(tmp_path: Path):
    people = write_people(tmp_path / "people")
    for number, path in enumerate(sorted(people.rglob("*.png")), 1):
        path.rename(path.with_name(f"{number:06d}.png"))
    build(folder(people), PlainEmbedder(), tmp_path / "set", RECIPE)
    _refused(tmp_path / "set", "disguised-celeba", Wish("me/set", FULL, CC))


def test_frames_that_are_numbered_for_each_person_are_not_taken_for_celeba(tmp_path: Path):
    people = write_people(tmp_path / "people")
    for path in people.rglob("*.png"):
        path.rename(path.with_name(f"{int(path.stem) + 1:06d}.png"))
    build(folder(people), PlainEmbedder(), tmp_path / "set", RECIPE)
    release = make_release(tmp_path / "set", tmp_path / "out", Wish("me/set", FULL, CC))
    assert "data/test-00000-of-00001.parquet" in release.files()


class _AlignedAsCeleba(PlainEmbedder):
    """Finds the eyes where CelebA's authors have put them."""

    def detect(self, image: np.ndarray) -> list[Detection]:
        points = (ARCFACE.template - ARCFACE.template[:2].mean(0)) * 1.1 + CELEBA_EYES
        return [Detection((0, 0, 178, 218), 0.9, points.astype(np.float32))]


def test_celeba_under_any_name_is_known_by_where_its_eyes_are(tmp_path: Path):
    people = tmp_path / "people"
    for person in range(6):
        (people / f"p{person}").mkdir(parents=True)
        for shot in range(2):
            image = Image.fromarray(face_image(person, shot)).resize((178, 218))
            image.save(people / f"p{person}" / f"s{shot}.png")
    build(folder(people), _AlignedAsCeleba(), tmp_path / "set", RECIPE)
    _refused(tmp_path / "set", "disguised-celeba", Wish("me/set", FULL, CC))


def test_what_is_not_the_sample_is_not_published_as_the_sample(celeba_set: Path):
    _say_source(celeba_set, "sample")
    _refused(celeba_set, "sample-proof", Wish("me/set", FULL))


def test_an_image_put_into_the_sample_is_found(tmp_path: Path):
    root = _small_sample_set(tmp_path)
    assert make_release(root, tmp_path / "release", Wish("me/set", FULL)).files()
    shutil.rmtree(tmp_path / "release")
    path = root / store.shard_name("test", 0, 1)
    _edit_table(path, lambda rows: rows[0]["image"].update(bytes=encoded(face_image(1, 1), "PNG")))
    _refused(root, "sample-proof", Wish("me/set", FULL))


def _small_sample_set(tmp_path: Path) -> Path:
    from faceref.sources.base import Source
    from faceref.sources.sample import sample

    records = sample().records[:48]
    build(Source("sample", "CC0-1.0", records), PlainEmbedder(), tmp_path / "set", RECIPE)
    return tmp_path / "set"


def test_names_that_tell_who_is_shown_are_refused(celeba_set: Path):
    def vectors(name: str) -> str:
        return f"9100/{name}"

    def change(row: dict) -> None:
        row.update(image_id=vectors(row["image_id"]))
        for name in store.REFERENCE_LISTS:
            for item in row[name]:
                item.update(image_id=vectors(item["image_id"]))

    _edit_rows(celeba_set, change)
    _refused(celeba_set, "celeba-names")


@pytest.mark.parametrize("name", [store.shard_name("train", 0, 1), store.REJECTS])
@pytest.mark.parametrize("column", ["embedding", "label"])
def test_a_column_that_no_build_writes_is_refused(celeba_set: Path, name: str, column: str):
    table = pq.read_table(celeba_set / name)
    value = pa.array(
        [[0.5] * 8] * table.num_rows if column == "embedding" else ["9100"] * table.num_rows
    )
    pq.write_table(table.append_column(column, value), celeba_set / name)
    _refused(celeba_set, "known-columns")


def test_a_field_or_a_footer_that_no_build_writes_is_refused(celeba_set: Path):
    path = celeba_set / store.shard_name("train", 0, 1)
    whole = pq.read_table(path)
    pq.write_table(whole.replace_schema_metadata({"embeddings": json.dumps([0.1] * 128)}), path)
    _refused(celeba_set, "known-columns")
    quality = [{**row, "who": "9100"} for row in whole["quality"].to_pylist()]
    place = whole.schema.get_field_index("quality")
    pq.write_table(whole.set_column(place, "quality", pa.array(quality)), path)
    _refused(celeba_set, "known-columns")


@pytest.mark.parametrize(
    "planted",
    [
        {"pixels": "iVBORw0KGgo"},
        {"identities": {"000001": "9100"}},
        {"origin": {"labelled": True, "notes": ["000001 shows 9100"]}},
        {"people": {"identities": {"000001": 9100}}},
        {"made_by": [0.1, 0.2, 0.3]},
        {"made_by": "x" * 1000},
        {"embedder": {"name": "plain", "vectors": {}}},
    ],
)
def test_a_manifest_with_more_than_a_build_writes_is_refused(celeba_set: Path, planted: dict):
    _edit_manifest(celeba_set, lambda manifest: manifest.update(planted))
    _refused(celeba_set, "known-manifest")


def test_reasons_and_hashes_cannot_carry_a_label(celeba_set: Path):
    _edit_rows(celeba_set, lambda row: row.update(sha256=f"9100 {row['image_id']}"))
    _refused(celeba_set, "known-values")


@pytest.mark.parametrize("change", [{"detail": "shows 9100"}, {"reason": "9100"}])
def test_rejects_cannot_carry_a_label(celeba_set: Path, change: dict):
    _edit_table(celeba_set / store.REJECTS, lambda rows: rows[0].update(change))
    _refused(celeba_set, "known-values")


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        ("several faces", "2 of 13 are alike in size and place (1.00, 0.54)"),
        ("wrong landmarks", "the face that they make lies outside of the image, 178x218"),
        ("detector failed", "cv2.error"),
        ("embedder failed", "not finite"),
    ],
)
def test_rejects_as_stages_write_them_go_up(celeba_set: Path, reason: str, detail: str):
    change = {"reason": reason, "detail": detail}
    _edit_table(celeba_set / store.REJECTS, lambda rows: rows[0].update(change))
    make_release(celeba_set, celeba_set.parent / "release", INDEX)
    assert (celeba_set.parent / "release").is_dir()


def test_a_record_of_removals_must_not_name_what_was_removed(celeba_set: Path):
    (celeba_set / REMOVALS).write_text(json.dumps({"removed": [{"version": 2, "id": "000001"}]}))
    _refused(celeba_set, "removals-by-hash")
    (celeba_set / REMOVALS).write_text(json.dumps({"removed": {"person 9100": 1}}))
    _refused(celeba_set, "removals-by-hash")


def test_files_that_lie_in_the_folder_do_not_go_up(celeba_set: Path):
    (celeba_set / "embeddings.npy").write_bytes(b"\x93NUMPY")
    (celeba_set / "contact_sheet.png").write_bytes(encoded(face_image(0, 0), "PNG"))
    (celeba_set / "pixels").mkdir()
    (celeba_set / "pixels" / "000001.jpg").write_bytes(encoded(face_image(0, 0)))
    (celeba_set / "index").mkdir()
    shutil.copy(celeba_set / store.shard_name("test", 0, 1), celeba_set / "index" / "x.parquet")
    (celeba_set / store.LR_ENCODER).write_bytes(b"learnt from embeddings")
    (celeba_set / "similarity.png").write_bytes(encoded(face_image(0, 0), "PNG"))
    release = make_release(celeba_set, celeba_set.parent / "release", INDEX)
    assert set(release.files()) == {
        "README.md",
        "croissant.json",
        "face_ref.json",
        *(f"index/{split}-00000-of-00001.parquet" for split in store.SPLITS),
        "rejects.parquet",
        "similarity.png",
    }
    plot = Image.open(release.files()["similarity.png"])
    assert plot.size == (840, 420)
    assert {"embeddings.npy", "pixels/000001.jpg", "contact_sheet.png"} <= set(release.left)


def test_a_shard_put_beside_the_others_is_refused(celeba_set: Path):
    shutil.copy(celeba_set / store.shard_name("test", 0, 1), celeba_set / "data" / "test-x.parquet")
    with pytest.raises(FaceRefError, match="other files of test"):
        make_release(celeba_set, celeba_set.parent / "release", INDEX)


def test_no_label_of_celeba_is_anywhere_in_its_release(celeba_set: Path):
    release = make_release(celeba_set, celeba_set.parent / "release", INDEX)
    labels = {row["identity"] for s in store.SPLITS for row in FaceRef.open(celeba_set).rows(s)}
    assert "9100" in labels
    for name, path in release.files().items():
        if name.endswith(".parquet"):
            table = pq.read_table(path)
            assert {"identity", "component", "landmarks", "image"}.isdisjoint(table.column_names)
            cells = {str(cell) for row in table.to_pylist() for cell in row.values()}
            assert labels.isdisjoint(cells)
        elif not name.endswith(".png"):
            assert not [label for label in labels if f'"{label}"' in path.read_text()]


def test_celeba_without_labels_is_refused(tmp_path: Path):
    published = write_celeba(tmp_path / "celeba", faces(people=10))
    (tmp_path / "celeba" / IDENTITY).unlink()
    source = celeba(Choices(tmp_path / "celeba", partial=True), published)
    build(source, PlainEmbedder(), tmp_path / "set", RECIPE)
    _refused(tmp_path / "set", "celeba-labels")


@pytest.fixture(scope="module")
def ffhq_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ffhq")
    images = [face_image(person, shot) for person in range(12) for shot in range(2)]
    published = write_ffhq(root / "ffhq", images, [ARCFACE.template] * len(images))
    build(ffhq(Choices(root / "ffhq"), published), PlainEmbedder(), root / "set", RECIPE)
    return root / "set"


def test_ffhq_goes_up_as_an_index_or_with_every_credit(ffhq_build: Path, tmp_path: Path):
    index = make_release(ffhq_build, tmp_path / "index", INDEX)
    assert index.withheld == ("pixels", "embeddings", "landmarks")
    full = make_release(ffhq_build, tmp_path / "full", Wish("me/set", FULL))
    assert CREDITS in full.files()
    assert "license: cc-by-nc-sa-4.0" in full.files()["README.md"].read_text()


def test_an_image_of_ffhq_without_a_credit_is_refused(ffhq_build: Path, tmp_path: Path):
    root = Path(shutil.copytree(ffhq_build, tmp_path / "set"))
    victim = FaceRef.open(root).column("train", "image_id")[0]

    def rob(rows: list[dict]) -> None:
        next(row for row in rows if row["image_id"] == victim)["author"] = ""

    _edit_table(root / CREDITS, rob)
    with pytest.raises(PolicyError, match=f"no author for {victim}"):
        make_release(root, tmp_path / "release", Wish("me/set", FULL))
    (root / CREDITS).unlink()
    _refused(root, "ffhq-credits", Wish("me/set", FULL))


@pytest.mark.parametrize("source", ["lfw", "folder", "hf"])
def test_sources_without_terms_need_them_stated(source: str):
    with pytest.raises(PolicyError, match=r"Rule licence-stated: .*--licence ID"):
        policy_of(source).require("index", None)
    assert policy_of(source).require(FULL, CC) == CC


def test_an_unknown_source_has_no_policy():
    with pytest.raises(PolicyError, match="Rule known-source"):
        policy_of("webface")


def test_licences_are_ids_of_the_hub_or_have_a_link():
    assert stated(None, None) is None
    assert stated("CC-BY-4.0", None) == CC
    found = stated("LFW research only", "https://example.org/terms")
    assert found == Licence("other", "lfw-research-only", "https://example.org/terms")
    for licence, link in (("my terms", None), ("my terms", "ftp://x"), (None, "https://x.org")):
        with pytest.raises(FaceRefError, match="--licence"):
            stated(licence, link)


def test_rows_that_were_changed_after_the_build_are_refused(folder_set: Path):
    path = folder_set / store.shard_name("test", 0, 1)
    _edit_table(path, lambda rows: rows[0].update(identity="somebody"))
    with pytest.raises(FaceRefError, match="does not hold the rows"):
        make_release(folder_set, folder_set.parent / "release", Wish("me/set", licence=CC))


def test_what_an_encoder_and_an_embedder_in_bf16_add_is_known(tmp_path: Path):
    people = folder(write_people(tmp_path / "people"))
    recipe = Recipe(Mining(references=4, likeness_lr="identity"), split=SplitRule(0.2, 0.2))
    manifest = build(people, PlainEmbedder(), tmp_path / "set", recipe)
    assert manifest["lr_encoder"]["schedule"]
    check_manifest(manifest)
    check_manifest({**manifest, "embedder": {**manifest["embedder"], "precision": "bf16"}})
