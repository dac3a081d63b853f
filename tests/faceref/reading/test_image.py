import io
import os
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from faceref.errors import UnreadableImage
from faceref.reading import pixels
from faceref.reading.image import decode
from faceref.reading.image_format import IMAGE_ENDINGS, MAX_BYTES, MAX_PIXELS
from faceref.sources.sample import sample
from tests.fuzz.image_seeds import seeds

NOISE = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)


def _saved(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(file, kind, **options)
    return file.getvalue()


def _turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _why(data: bytes | Path) -> str:
    with pytest.raises(UnreadableImage) as caught:
        decode(data)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_every_orientation_is_turned_upright_as_pillow_does(kind: str):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    for orientation in range(1, 9):
        data = _saved(NOISE, kind, exif=_turned(orientation))
        with Image.open(io.BytesIO(data)) as image:
            wanted = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert np.array_equal(decode(data).pixels, wanted), orientation


def test_a_jpeg_says_the_steps_of_its_quantisation():
    tall = [40, 1] + [2] * 62
    options: Any = {"qtables": [tall, [7] * 64], "subsampling": "4:4:4"}
    steps = decode(_saved(NOISE, "JPEG", **options)).steps
    assert steps is not None
    assert (steps[0, 0].tolist(), steps[0, 1].tolist()) == ([40, 7, 7], [1, 7, 7])
    turned = decode(_saved(NOISE, "JPEG", exif=_turned(6), **options)).steps
    assert turned is not None
    assert np.array_equal(turned, steps.swapaxes(0, 1))


def test_colours_of_less_resolution_have_no_fine_coefficients():
    options: Any = {"qtables": [[3] * 64, [7] * 64], "subsampling": "4:2:2"}
    steps = decode(_saved(NOISE, "JPEG", **options)).steps
    assert steps is not None
    assert (steps[..., 0] == 3).all()
    assert np.isinf(steps[:, 4:, 1:]).all()
    assert steps[:, :4, 1:] == pytest.approx(7 * np.sqrt(2))


def test_grey_jpegs_have_one_table_and_other_formats_none():
    grey = decode(_saved(NOISE[..., 0], "JPEG", qtables=[[5] * 64])).steps
    assert grey is not None
    assert (grey == 5).all()
    cmyk = decode(_saved(Image.fromarray(NOISE).convert("CMYK"), "JPEG")).steps
    assert cmyk is not None
    assert cmyk.shape == (8, 8, 3)
    assert all(decode(_saved(NOISE, kind)).steps is None for kind in ("PNG", "WEBP", "TIFF"))


@pytest.mark.case("B+ small AVIF and WebP")
@pytest.mark.parametrize("kind", ["AVIF", "WEBP", "HEIF"])
def test_an_image_of_few_bytes_is_read_where_its_format_compresses_that_well(kind: str):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    data = _saved(Image.new("RGB", (400, 300), (200, 120, 90)), kind)
    assert 8 * len(data) < 400 * 300
    assert decode(data).pixels.shape == (300, 400, 3)


def test_images_of_the_sample_are_as_pillow_reads_them():
    for record in sample().records[::20]:
        with Image.open(io.BytesIO(record.data or b"")) as image:
            assert np.array_equal(decode(record.data or b"").pixels, np.asarray(image))


def test_a_large_image_is_converted_in_bands_with_the_same_result(monkeypatch: pytest.MonkeyPatch):
    data = [data for kind in ("JPEG", "PNG", "TIFF", "GIF", "WEBP") for data in seeds()[kind]]
    whole = [decode(item) for item in data]
    monkeypatch.setattr(pixels, "BAND", 90)
    for item, wanted in zip(data, whole, strict=True):
        found = decode(item)
        assert np.array_equal(found.pixels, wanted.pixels)
        for one, other in ((found.alpha, wanted.alpha), (wanted.alpha, found.alpha)):
            assert one is None or (other is not None and np.array_equal(one, other))
            assert one is not None or other is None


@pytest.mark.case("B9")
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled(kind: str):
    deep = np.array([[0, 257, 32_896, 65_535]], np.uint16).repeat(4, 0)
    found = decode(_saved(deep, kind))
    assert found.pixels[0, :, 0].tolist() == [0, 1, 128, 255]
    assert found.alpha is None


@pytest.mark.case("B9")
@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([-0.02, 0.5, 1.05], [0, 128, 255]),
        ([0, 128, 255], [0, 128, 255]),
        ([0, 32_896, 65_535], [0, 128, 255]),
        ([-1e6, 0, 1e6], [0, 128, 255]),
        ([np.nan, 0, 1], [0, 0, 255]),
        ([np.nan] * 3, [0, 0, 0]),
        ([7e5] * 3, [0, 0, 0]),
    ],
)
def test_a_float_tiff_is_scaled_by_the_range_that_holds_its_values(values: list, wanted: list):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = decode(_saved(np.array([values], np.float32), "TIFF"))
    assert found.pixels[0, :, 1].tolist() == wanted


@pytest.mark.case("B9")
def test_what_is_transparent_is_laid_over_grey_and_its_alpha_kept():
    layers = np.dstack([NOISE, np.full(NOISE.shape[:2], 255, np.uint8)])
    layers[:, :10, 3] = 0
    layers[:, 10:20, 3] = 51
    for kind in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        found = decode(_saved(Image.fromarray(layers, "RGBA"), kind, **options))
        assert found.alpha is not None
        assert np.array_equal(found.alpha, layers[..., 3])
        assert (found.pixels[:, :10] == 128).all()
        mixed = np.rint(NOISE[:, 10:20] * 0.2 + 128 * 0.8)
        assert np.abs(found.pixels[:, 10:20] - mixed).max() <= 1
        assert np.array_equal(found.pixels[:, 20:], NOISE[:, 20:])
    opaque = decode(_saved(Image.fromarray(NOISE).convert("RGBA")))
    assert opaque.alpha is None
    assert np.array_equal(opaque.pixels, NOISE)


@pytest.mark.case("B9")
def test_a_transparent_colour_of_a_palette_is_transparent():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 250, 0, 0])
    image.putpixel((0, 0), 0)
    for kind in ("PNG", "GIF"):
        found = decode(_saved(image, kind, transparency=1))
        assert found.alpha is not None
        assert (found.pixels[0, 0].tolist(), found.alpha[0, 0]) == ([0, 0, 0], 255)
        assert (found.pixels[2, 2].tolist(), found.alpha[2, 2]) == ([128, 128, 128], 0)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_an_animation_the_first_frame_is_read(kind: str):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    options = {"quality": 100} if kind == "AVIF" else {}
    data = _saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    red, _, blue = decode(data).pixels[8, 8]
    assert red > 240
    assert blue < 15


@pytest.mark.case("C12")
def test_damaged_exif_costs_the_orientation_and_not_the_image():
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a text"
    wrong_type = exif.tobytes().replace(b"\x01\x0e\0\x02", b"\x01\x02\0\x02")
    with pytest.raises(struct.error):
        ImageOps.exif_transpose(Image.open(io.BytesIO(_saved(NOISE, "JPEG", exif=wrong_type))))
    assert decode(_saved(NOISE, "JPEG", exif=wrong_type)).pixels.shape == (40, 24, 3)
    blocks = (wrong_type, b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0MM")
    for kind in ("JPEG", "PNG", "WEBP"):
        for bad in blocks:
            found = decode(_saved(NOISE, kind, exif=bad))
            assert sorted(found.pixels.shape) == [3, 24, 40], (kind, bad)
    exif[0x0112] = 1
    whole = _saved(NOISE, "AVIF", exif=exif.tobytes())
    bad = whole.replace(b"MM\0*\0\0\0\x08", b"MN\0*\0\0\0\x08")
    assert bad != whole
    with pytest.raises((OSError, ValueError)):
        Image.open(io.BytesIO(bad))
    assert np.array_equal(decode(bad).pixels, decode(whole).pixels)


@pytest.mark.case("C14")
def test_much_text_or_a_large_profile_in_a_png_costs_nothing():
    info = PngInfo()
    info.add_text("note", "a" * 3_000_000, zip=True)
    assert np.array_equal(decode(_saved(NOISE, pnginfo=info)).pixels, NOISE)
    profile = _saved(NOISE, icc_profile=bytes(3_000_000))
    assert np.array_equal(decode(profile).pixels, NOISE)


@pytest.mark.case("C14")
def test_400_megapixels_are_refused_before_they_are_decoded(tmp_path: Path):
    header = bytearray(_saved(Image.new("L", (8, 8)), "BMP"))
    header[18:26] = (20_000).to_bytes(4, "little") * 2
    assert _why(bytes(header)) == f"over {MAX_PIXELS:,} pixels"
    (tmp_path / "x.bmp").write_bytes(header)
    assert _why(tmp_path / "x.bmp") == f"over {MAX_PIXELS:,} pixels"


@pytest.mark.case("F rejects that say only OSError")
def test_the_reason_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    jpeg, png = _saved(NOISE, "JPEG"), _saved(NOISE)
    assert _why(b"") == "empty file"
    assert _why(jpeg[:400]) == "cut off"
    assert _why(png[:-500]) == "cut off"
    assert _why(b"\n<!DOCTYPE html><html>") == "no image but a web page, or XML"
    assert _why(b"hello") == "no image of a format that can be read"
    assert _why(_saved(NOISE, "TGA")) == "no image of a format that can be read"
    assert _why(png[:60] + bytes(50) + png[110:]) == "damaged PNG data"
    assert _why(tmp_path) == "not a file"
    assert _why(tmp_path / "gone.jpg") == "cannot be read (No such file or directory)"
    os.mkfifo(tmp_path / "pipe.jpg")
    assert _why(tmp_path / "pipe.jpg") == "not a file"
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert _why(tmp_path / "sparse.png") == "over 1,073,741,824 bytes"
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    assert _why(heic) == "HEIC needs pip install 'face-ref[heif]'"


@pytest.mark.case("C12")
@pytest.mark.parametrize(
    "error", [NotImplementedError, RecursionError, SyntaxError, TypeError, KeyError, MemoryError]
)
def test_whatever_a_decoder_raises_is_a_reason(error: type, monkeypatch: pytest.MonkeyPatch):
    def load(self: Image.Image) -> None:
        raise error("x")

    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", load)
    wanted = "needs more memory than there is" if error is MemoryError else "damaged JPEG data"
    assert _why(_saved(NOISE, "JPEG")) == wanted


@pytest.mark.case("C12")
def test_a_damaged_avif_is_refused():
    data = _saved(NOISE, "AVIF")
    assert _why(data[:-100]).startswith(("cut off", "damaged AVIF data"))
    assert _why(data[:20] + bytes(30) + data[50:]).startswith("damaged")


def test_a_jpeg_that_claims_more_than_its_bytes_can_hold_is_refused():
    data = bytearray(_saved(NOISE, "JPEG", progressive=True))
    place = data.index(b"\xff\xc2")
    data[place + 5 : place + 9] = (9_000).to_bytes(2, "big") * 2
    assert _why(bytes(data)) == "cut off"


@pytest.mark.case("B8")
def test_every_ending_is_of_a_format_that_is_read():
    pytest.importorskip("pillow_heif").register_heif_opener()
    kinds = {".jpe": "JPEG", ".jfif": "JPEG", ".pgm": "PPM", ".heic": "HEIF", ".heif": "HEIF"}
    for ending in IMAGE_ENDINGS:
        kind = kinds.get(ending) or Image.registered_extensions()[ending]
        assert decode(_saved(NOISE, kind)).pixels.shape == NOISE.shape, ending


def test_pixels_that_the_file_cannot_hold_are_refused_before_they_are_allocated():
    tall = bytearray(_saved(np.zeros((40, 47), np.float32), "TIFF"))
    entry = tall.index(struct.pack("<H", 257))
    tall[entry : entry + 12] = struct.pack("<HHII", 257, 4, 1, 1 << 21)
    with pytest.raises(UnreadableImage, match="cut off"):
        decode(bytes(tall))
