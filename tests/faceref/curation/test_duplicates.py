import io

import imagehash
import numpy as np
import pytest
from PIL import Image

from faceref.curation.duplicates import (
    HASH_BYTES,
    Duplicate,
    as_hashes,
    face_hashes,
    find_duplicates,
    first_of_each,
)
from faceref.curation.links import Pairs


def _textured(seed: int) -> np.ndarray:
    """A image with detail at all scales that a hash sees, uint8 (128, 128, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((128, 128), Image.Resampling.BICUBIC))


def _recoded(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


FACES = [_textured(seed) for seed in range(30)]
NO_DIGESTS = [""] * 31


def _find(copy: np.ndarray) -> list[Duplicate]:
    return find_duplicates(NO_DIGESTS, as_hashes([face_hashes(face) for face in [*FACES, copy]]))


def test_both_hashes_are_those_of_the_library():
    face = FACES[3]
    joined = face_hashes(face)
    for part, image in ((joined[:HASH_BYTES], face), (joined[HASH_BYTES:], face[:, ::-1])):
        bits = np.unpackbits(np.frombuffer(part, np.uint8)).reshape(16, 16).astype(bool)
        expected = imagehash.phash(Image.fromarray(np.ascontiguousarray(image)), 16)
        assert imagehash.ImageHash(bits) - expected <= 2


def test_strangers_are_no_duplicates():
    assert _find(_textured(99)) == []


@pytest.mark.parametrize("quality", [30, 90])
def test_a_re_encoded_copy_is_found(quality: int):
    assert _find(_recoded(FACES[7], quality)) == [Duplicate(7, 30, "hash")]


def test_a_resized_copy_is_found():
    small = Image.fromarray(FACES[7]).resize((90, 90)).resize((128, 128))
    assert _find(np.asarray(small)) == [Duplicate(7, 30, "hash")]


def test_a_mirrored_copy_is_found():
    assert _find(_recoded(FACES[7][:, ::-1], 80)) == [Duplicate(7, 30, "mirrored")]


def test_equal_bytes_come_first_and_unknown_digests_are_not_equal():
    digests = ["", "", "x", "y", "x"]
    found = find_duplicates(digests, as_hashes([face_hashes(face) for face in FACES[:5]]))
    assert found == [Duplicate(2, 4, "bytes")]


def _alike(score: float, face: np.ndarray, threshold: float | None = None) -> list[Duplicate]:
    pair = Pairs(np.array([0]), np.array([1]), np.array([score]))
    hashes = as_hashes([face_hashes(FACES[0]), face_hashes(face)])
    return find_duplicates(["", ""], hashes, pair, threshold)


def test_embeddings_very_near_one_are_enough():
    assert _alike(0.985, FACES[1]) == [Duplicate(0, 1, "embedding")]
    assert _alike(0.97, FACES[1]) == []


def test_alike_embeddings_need_alike_hashes():
    hashes = as_hashes([face_hashes(FACES[0])] * 2).copy()
    hashes[1, :6] ^= 0xFF
    pair = Pairs(np.array([0]), np.array([1]), np.array([0.9]))
    assert find_duplicates(["", ""], hashes) == []
    assert find_duplicates(["", ""], hashes, pair) == [Duplicate(0, 1, "embedding")]
    assert find_duplicates(["", ""], hashes, pair, 0.95) == []


def test_the_first_of_copies_of_copies():
    pairs = [Duplicate(1, 3, "hash"), Duplicate(3, 4, "hash")]
    assert first_of_each(6, pairs).tolist() == [0, 1, 2, 1, 1, 5]
