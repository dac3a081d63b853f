import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from faceref.dataset.face_ref import FaceRef
from faceref.embed.align import ARCFACE
from faceref.errors import FaceRefError
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.pipeline.splits import SplitRule
from faceref.sources.base import Choices
from faceref.sources.celeba import celeba
from faceref.sources.folder import folder
from faceref.sources.registry import check_source, load_source, open_source, source_names
from faceref.sources.sample import sample, write_sample_folder
from tests.faceref.fakes import PlainEmbedder
from tests.faceref.layouts import faces, write_celeba


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_lists_people_in_order_and_passes_other_files_over(tmp_path: Path):
    source_names = ("b/2.png", "b/1.JPG", "a/x.jpeg", "a/notes.txt", "a/.hidden.png", ".git/y.png")
    _touch(*(tmp_path / name for name in source_names))
    records = folder(tmp_path).records
    assert [record.image_id for record in records] == ["a/x", "b/1", "b/2"]
    assert [record.identity for record in records] == ["a", "b", "b"]


def test_names_that_differ_by_suffix_stay_apart(tmp_path: Path):
    _touch(tmp_path / "a/1.png", tmp_path / "a/1.jpg", tmp_path / "a/2.jpg")
    ids = [record.image_id for record in folder(tmp_path).records]
    assert sorted(ids) == ["a/1.jpg", "a/1.png", "a/2"]


def test_an_empty_folder_says_what_is_expected(tmp_path: Path):
    with pytest.raises(FaceRefError, match="one sub-folder per person"):
        folder(tmp_path)


def test_images_without_sub_folders_are_explained(tmp_path: Path):
    _touch(tmp_path / "1.jpg", tmp_path / "2.jpg")
    with pytest.raises(FaceRefError, match="2 images lie directly in it"):
        folder(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(FaceRefError, match=r"No folder of faces at .*gone"):
        folder(tmp_path / "gone")


def test_an_unknown_source_gets_a_suggestion():
    with pytest.raises(FaceRefError, match="Did you mean 'folder'"):
        open_source("foldr", None)


def test_the_sample_unpacks_to_a_folder_of_itself(tmp_path: Path):
    assert write_sample_folder(tmp_path) == len(sample().records)
    unpacked = folder(tmp_path).records
    assert [r.image_id for r in unpacked] == [r.image_id for r in sample().records]


def test_every_file_is_a_source_of_its_name():
    assert source_names() == ["celeba", "ffhq", "folder", "hf", "lfw", "sample"]
    for name in source_names():
        kind = load_source(name)
        assert kind.name == name
        assert set(kind.takes) <= {field.name for field in fields(Choices)}


def test_opening_one_source_imports_no_other():
    code = (
        "import sys; from faceref.sources.registry import load_source, source_names\n"
        "source_names(); load_source('lfw')\n"
        "others = {f'faceref.sources.{name}' for name in ('celeba', 'ffhq', 'hf', 'sample')}\n"
        "sys.exit(sorted((others | {'datasets', 'pandas', 'torch'}) & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_choice_that_does_not_apply_is_named(tmp_path: Path):
    message = r"--identity-column does not apply to --source lfw, .*--partial, --no-checksums"
    with pytest.raises(FaceRefError, match=message):
        open_source("lfw", tmp_path, Choices(identity_column="x"))
    with pytest.raises(FaceRefError, match="--partial does not apply to --source folder"):
        check_source("folder", tmp_path, Choices(partial=True))


@pytest.mark.parametrize("name", ["celeba", "ffhq", "lfw", "hf"])
def test_the_path_is_asked_for_with_the_layout(name: str):
    built = f"faceref build --source {name} FACES --out DIR"
    for ask, example in ((open_source, built), (check_source, f"faceref sources {name} FACES")):
        with pytest.raises(FaceRefError, match=f"source {name} needs the path.*: {example}\\."):
            ask(name, None)


def test_the_check_of_a_folder_counts(tmp_path: Path):
    _touch(tmp_path / "a/1.png", tmp_path / "b/1.png", tmp_path / "b/2.png")
    text = check_source("folder", tmp_path).text()
    assert "complete" in text
    assert "3 images" in text
    assert "2 people" in text
    assert check_source("sample", None).counts[0].found == len(sample().records)


def test_a_build_from_celeba_uses_its_landmarks_and_says_so(tmp_path: Path):
    published = write_celeba(tmp_path / "celeba", faces(people=12), zipped=True)
    source = celeba(Choices(tmp_path / "celeba"), published)
    embedder = PlainEmbedder()
    recipe = Recipe(Mining(references=4), split=SplitRule(0.2, 0.2))
    manifest = build(source, embedder, tmp_path / "out", recipe)
    assert embedder.detected == 0
    assert manifest["origin"]["landmarks"] == {"given": 36, "to_detect": 0}
    row = FaceRef.open(tmp_path / "out").rows("test")[0]
    assert row["quality"]["detector_score"] is None
    assert row["quality"]["faces"] is None
    card = " ".join((tmp_path / "out" / "README.md").read_text().split())
    assert "landmarks of 36 of 36 source images came with the source" in card
    assert "not complete" not in card
    assert str(tmp_path) not in (tmp_path / "out" / "face_ref.json").read_text()


def test_going_on_with_other_landmarks_or_labels_is_refused(tmp_path: Path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    published = write_celeba(tmp_path / "celeba", faces())
    source = celeba(Choices(tmp_path / "celeba"), published)
    with pytest.raises(KeyboardInterrupt):
        build(source, PlainEmbedder(), tmp_path / "out", progress=stop)
    first = source.records[0]
    for other in (first.having(identity="7"), first.having(landmarks=ARCFACE.template + 1)):
        changed = replace(source, records=(other, *source.records[1:]))
        with pytest.raises(FaceRefError, match=r"other images: 1 changed \(000001\)"):
            build(changed, PlainEmbedder(), tmp_path / "out")
