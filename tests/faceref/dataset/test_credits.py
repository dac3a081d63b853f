from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from faceref.dataset.credits import CREDITS, write_credits
from faceref.embed.align import ARCFACE
from faceref.mining.mine import Mining
from faceref.pipeline.build import build
from faceref.pipeline.recipe import Recipe
from faceref.sources.base import Choices
from faceref.sources.ffhq import ffhq
from faceref.sources.sample import sample
from tests.faceref.fakes import PlainEmbedder, face_image
from tests.faceref.layouts import write_ffhq


def test_a_set_from_ffhq_credits_every_author(tmp_path: Path):
    images = [face_image(person, 0) for person in range(30)]
    images[4] = np.zeros_like(images[4])
    points = [ARCFACE.template] * 30
    points[4] = ARCFACE.template * 0
    published = write_ffhq(tmp_path / "ffhq", images, points)
    source = ffhq(Choices(tmp_path / "ffhq"), published)
    build(source, PlainEmbedder(), tmp_path / "out", Recipe(mining=Mining(references=2)))
    rows = pq.read_table(tmp_path / "out" / CREDITS).to_pylist()
    kept = [index for index in range(30) if index != 4]
    assert [row["image_id"] for row in rows] == [f"{index:05d}" for index in kept]
    assert [row["author"] for row in rows] == [f"Author {index}" for index in kept]
    assert rows[0]["licence_url"] == "https://creativecommons.org/licenses/by/2.0/"
    card = (tmp_path / "out" / "README.md").read_text()
    assert "credits.parquet" in card
    assert "does not say who is shown" in card


def test_without_credit_no_file(tmp_path: Path):
    records = sample().records
    assert write_credits(tmp_path, records, {record.image_id for record in records}) == 0
    assert list(tmp_path.iterdir()) == []
