import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from faceref.cli.app import app
from faceref.dataset import store
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError
from faceref.release.format import FULL, INDEX
from faceref.release.make import Wish, make_release
from faceref.release.policy import Licence

TERMS = Licence("other", "our-terms", "https://example.org/terms")


def _bytes(root: Path) -> dict[str, bytes]:
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def _header(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "README.md").read_text().split("---\n")[1])


@pytest.fixture(scope="module")
def index(tiny_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("index") / "release"
    wish = Wish("me/set", INDEX, TERMS, contact="faces@example.org")
    return make_release(tiny_build, out, wish).root


@pytest.fixture(scope="module")
def full(tiny_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("full") / "release"
    return make_release(tiny_build, out, Wish("me/set", FULL, TERMS)).root


def test_an_index_has_the_hash_of_each_image_and_no_image(tiny_build: Path, index: Path):
    face_ref = FaceRef.open(tiny_build)
    rows = pq.read_table(index / "index/train-00000-of-00001.parquet").to_pylist()
    images = dict(face_ref.stream("train"))
    for row in rows:
        assert row["png_sha256"] == hashlib.sha256(images[row["image_id"]]).hexdigest()
    first = hashlib.sha256(face_ref.images("train")[0].tobytes()).hexdigest()
    assert rows[0]["pixels_sha256"] == first
    assert "image" not in rows[0]
    released = b"".join(_bytes(index / "index").values())
    assert not any(image[-64:] in released for image in images.values())


def test_a_full_release_is_the_set_byte_for_byte(tiny_build: Path, full: Path):
    own, released = _bytes(tiny_build), _bytes(full)
    new = {"croissant.json", "similarity.png", "README.md", "face_ref.json"}
    assert {name for name in released if released[name] != own.get(name)} == new
    assert set(own) <= set(released)
    assert (
        FaceRef.open(full).manifest["fingerprint"]
        == FaceRef.open(tiny_build).manifest["fingerprint"]
    )


def test_the_manifest_says_what_the_release_is(tiny_build: Path, index: Path):
    manifest = json.loads((index / store.MANIFEST).read_text())
    release = manifest.pop("release")
    assert manifest == FaceRef.open(tiny_build).manifest
    assert (release["kind"], release["version"], release["withheld"]) == (INDEX, "v1", ["pixels"])
    assert release["withheld_files"] == []
    own = {name: hashlib.sha256(data).hexdigest() for name, data in _bytes(tiny_build).items()}
    assert release["files"] == own


def test_the_same_set_gives_the_same_release(tiny_build: Path, index: Path, tmp_path: Path):
    wish = Wish("me/set", INDEX, TERMS, contact="faces@example.org")
    again = make_release(tiny_build, tmp_path / "release", wish)
    assert _bytes(again.root) == _bytes(index)
    make_release(tiny_build, tmp_path / "release", wish)
    assert _bytes(again.root) == _bytes(index)


def test_the_card_has_a_header_that_the_hub_reads(index: Path):
    header = _header(index)
    assert (header["license"], header["license_name"]) == ("other", "our-terms")
    assert header["license_link"] == "https://example.org/terms"
    assert header["task_categories"] == ["image-to-image"]
    assert header["size_categories"] == ["n<1K"]
    assert header["source_datasets"] == ["extended"]
    files = header["configs"][0]["data_files"]
    assert {"split": "val", "path": "index/val-*.parquet"} in files
    assert sum(split["num_examples"] for split in header["dataset_info"]["splits"]) == 36
    assert "our-terms" in header["extra_gated_prompt"]
    assert header["extra_gated_fields"]["I do not identify anybody with it"] == "checkbox"


def test_the_features_of_the_card_are_those_of_the_files(index: Path, full: Path):
    import datasets

    for root, file in ((index, "index/val"), (full, "data/val")):
        stated = datasets.Features._from_yaml_list(_header(root)["dataset_info"]["features"])
        schema = pq.read_schema(root / f"{file}-00000-of-00001.parquet")
        assert stated == datasets.Features.from_arrow_schema(schema)
        assert list(stated) == schema.names


def test_the_card_says_what_people_must_know(index: Path, full: Path):
    text = (index / "README.md").read_text()
    for part in (
        "| train | ",
        "| no face | 1 |",
        "(similarity.png)",
        "Not intended: to identify",
        "## Biometric data and consent",
        "Write to faces@example.org",
        "@misc{face-ref",
        "faceref hydrate index --source",
    ):
        assert part in text
    assert 'load_dataset("me/set", revision="v1")' in (full / "README.md").read_text()


def test_a_set_of_free_faces_is_not_gated(tmp_path: Path, tiny_build: Path):
    from faceref.release.card import Size, write

    manifest = json.loads(
        (
            make_release(tiny_build, tmp_path / "r", Wish("me/set", INDEX, TERMS)).root
            / store.MANIFEST
        ).read_text()
    )
    free = {**manifest, "source": "sample"}
    free["release"] = {
        **manifest["release"],
        "licence": {"id": "cc0-1.0", "name": None, "link": None},
    }
    text = write(free, "me/set", "", dict.fromkeys(store.SPLITS, Size(1, 1, 1)))
    assert "license: cc0-1.0" in text
    assert "extra_gated" not in text
    assert "license_name" not in text


@pytest.mark.parametrize("kind", ["index", "full"])
def test_croissant_is_valid_and_reads_the_rows(kind: str, request: pytest.FixtureRequest):
    import mlcroissant

    root: Path = request.getfixturevalue(kind)
    described = mlcroissant.Dataset(jsonld=str(root / "croissant.json"))
    assert not described.metadata.issues.errors
    assert described.metadata.name == "set"
    records = list(described.records("val-00000-of-00001"))
    ids = [record["val-00000-of-00001/image_id"].decode() for record in records]
    table = pq.read_table(next(root.glob("*/val-*.parquet")))
    assert ids == table["image_id"].to_pylist()
    listed = {item.id: item.sha256 for item in described.metadata.file_objects}
    for name, sha256 in listed.items():
        assert sha256 == hashlib.sha256((root / name).read_bytes()).hexdigest()


def test_a_dry_run_writes_and_lists_what_would_go_up(tiny_build: Path, tmp_path: Path, index: Path):
    out = tmp_path / "release"
    command = ["publish", str(tiny_build), "me/set", "--dry-run", "--out", str(out)]
    terms = ["--licence", "our terms", "--licence-link", "https://example.org/terms"]
    result = CliRunner().invoke(app, [*command, *terms, "--contact", "faces@example.org"])
    assert result.exit_code == 0, result.output
    assert _bytes(out) == _bytes(index)
    for name, data in _bytes(out).items():
        assert any(
            line.split() == [name, f"{len(data):,}", "bytes"] for line in result.output.splitlines()
        )
    assert "nothing was uploaded" in result.output


def test_a_folder_that_is_no_release_is_not_replaced(tiny_build: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for out in (tmp_path / "mine", tiny_build):
        with pytest.raises(FaceRefError, match=r"is no release|is also what is read"):
            make_release(tiny_build, out, Wish("me/set", INDEX, TERMS))
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize("tag", ["main", "v 1", "refs/tags/v1", "-x"])
def test_a_version_is_a_name(tiny_build: Path, tmp_path: Path, tag: str):
    with pytest.raises(FaceRefError, match="--tag"):
        make_release(tiny_build, tmp_path / "release", Wish("me/set", INDEX, TERMS, tag))


@pytest.mark.parametrize("repo", ["set", "me/", "me/set/x"])
def test_a_name_without_an_owner_is_refused(tiny_build: Path, repo: str):
    result = CliRunner().invoke(app, ["publish", str(tiny_build), repo, "--dry-run"])
    assert result.exit_code == 1
    assert "OWNER/NAME" in result.stderr


def test_an_index_that_is_used_as_a_set_says_how_to_make_one(index: Path):
    with pytest.raises(FaceRefError, match=r"without its images.*faceref hydrate .*--source"):
        FaceRef.open(index).column("train", "image_id")
