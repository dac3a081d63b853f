import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmark.upscaling import video
from benchmark.upscaling.faces import NoFaceError, UpscaledFace
from benchmark.upscaling.files import _notes
from benchmark.upscaling.images import is_ours
from benchmark.upscaling.paste import upsample_image
from benchmark.upscaling.video import upscale_video
from faceref.errors import FaceRefError
from tests.benchmark.upscaling.films import film

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


class _Face(UpscaledFace):
    def __init__(self) -> None: ...

    def report(self) -> dict:
        return {"left_alone": False}


def _double(frame: np.ndarray) -> tuple[np.ndarray, list[UpscaledFace]]:
    return upsample_image(frame, 2), [_Face()]


def _ffmpeg(*arguments: str | Path) -> str:
    command = ["ffmpeg", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def _read(path: Path) -> tuple[int, float, tuple[int, ...]]:
    film = cv2.VideoCapture(str(path))
    frames = []
    while (read := film.read())[0]:
        frames.append(read[1].shape)
    assert len(set(frames)) == 1
    return len(frames), film.get(cv2.CAP_PROP_FPS), frames[0]


def _upscale(source: Path, out: Path, work: video.Work = _double) -> dict:
    return upscale_video(source, out, work, 2, lambda done, total: None)


@pytest.mark.parametrize("rate", [5, 23.976, 29.97, 59.94])
def test_the_rate_is_kept_and_frames_without_a_face_are_upsampled(rate: float, tmp_path: Path):
    calls = []

    def work(frame: np.ndarray) -> tuple[np.ndarray, list[UpscaledFace]]:
        calls.append(frame.shape)
        if len(calls) == 2:
            raise NoFaceError("whatever it says")
        return _double(frame)

    found = _upscale(film(tmp_path / "a.avi", 3, rate), tmp_path / "out" / "a.mp4", work)
    assert [face["frame"] for face in found["faces"]] == [0, 2]
    assert (found["frames"], found["announced"], found["rate"]) == (3, 3, rate)
    assert _read(tmp_path / "out" / "a.mp4") == (3, pytest.approx(rate, abs=1e-3), (128, 192, 3))
    assert is_ours(tmp_path / "out" / "a.mp4")


def test_errors_other_than_no_face_end_the_video(tmp_path: Path):
    def work(frame: np.ndarray) -> tuple[np.ndarray, list[UpscaledFace]]:
        raise FaceRefError("no face found is not what this error is")

    with pytest.raises(FaceRefError, match="is not what this error is"):
        _upscale(film(tmp_path / "a.avi"), tmp_path / "a.mp4", work)
    assert [path.name for path in tmp_path.iterdir()] == ["a.avi"]


def test_a_video_without_any_face_or_frame_is_named(tmp_path: Path):
    def work(frame: np.ndarray) -> tuple[np.ndarray, list[UpscaledFace]]:
        raise NoFaceError("none")

    with pytest.raises(NoFaceError, match="no face found in any frame"):
        _upscale(film(tmp_path / "a.avi"), tmp_path / "a.mp4", work)
    (tmp_path / "b.mp4").write_bytes(b"junk")
    with pytest.raises(FaceRefError, match="has no frame that can be read"):
        _upscale(tmp_path / "b.mp4", tmp_path / "out.mp4")


@pytest.mark.case("E27")
def test_too_large_for_the_codec_is_said_before_the_first_frame(tmp_path: Path):
    def work(frame: np.ndarray) -> tuple[np.ndarray, list[UpscaledFace]]:
        raise AssertionError("no frame is worked on")

    source = film(tmp_path / "a.avi", 1, size=(2560, 1440))
    with pytest.raises(FaceRefError, match=r"2560x1440 times 4 are 10240x5760.*--scale 3 or less"):
        upscale_video(source, tmp_path / "a.mp4", work, 4, lambda done, total: None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.avi"]


@pytest.mark.case("E+ a video that is cut off")
def test_what_a_cut_off_video_holds_is_kept_and_counted(tmp_path: Path):
    whole = film(tmp_path / "whole.avi", 20).read_bytes()
    (tmp_path / "a.avi").write_bytes(whole[: len(whole) // 2])
    found = _upscale(tmp_path / "a.avi", tmp_path / "a.mp4")
    assert found["announced"] == 20
    assert 5 <= found["frames"] < 15
    assert _read(tmp_path / "a.mp4")[0] == found["frames"]


def test_without_ffmpeg_the_frames_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = _upscale(film(tmp_path / "a.avi"), tmp_path / "a.mp4")
    assert found["sound"] == "not kept: needs ffmpeg"
    assert _read(tmp_path / "a.mp4")[0] == 6


@needs_ffmpeg
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mov", "pcm_s16le")])
def test_sound_is_kept_whatever_its_codec(name: str, codec: str, tmp_path: Path):
    tone = ("-f", "lavfi", "-i", "sine=440:d=1")
    silent_film = film(tmp_path / "film.avi", 30)
    source = tmp_path / name
    _ffmpeg("-i", silent_film, *tone, "-c:v", "mpeg4", "-c:a", codec, source)
    made = []
    for place in ("one.mp4", "two.mp4"):
        found = _upscale(source, tmp_path / place)
        assert found["sound"] == "kept"
        made.append((tmp_path / place).read_bytes())
        heard = _ffmpeg("-i", tmp_path / place, "-f", "null", "-")
        assert "Audio: aac" in heard
        assert "00:00:01.0" in heard
    assert made[0] == made[1]
    frames, rate, _ = _read(tmp_path / "one.mp4")
    assert (frames, rate) == (30, pytest.approx(29.97, abs=1e-2))
    assert is_ours(tmp_path / "one.mp4")
    silent = _upscale(silent_film, tmp_path / "silent.mp4")
    assert silent["sound"] == "none"


@needs_ffmpeg
@pytest.mark.case("E+ a video whose frames come at varying times")
def test_how_far_sight_and_sound_are_apart_is_said(tmp_path: Path):
    steady = _upscale(film(tmp_path / "a.avi", 12, 10), tmp_path / "steady.mp4")
    assert steady["off"] == 0
    late = ("-vf", "setpts='if(lt(N,4),N,4+(N-4)*5)/10/TB'", "-vsync", "vfr", "-c:v", "mpeg4")
    _ffmpeg("-i", tmp_path / "a.avi", *late, tmp_path / "b.mp4")
    found = _upscale(tmp_path / "b.mp4", tmp_path / "out.mp4")
    assert found["frames"] == 12
    # The fourth of frames at 0, 0.1, 0.2, 0.3, 0.4, 0.9, ... comes late among even ones.
    assert found["off"] > 0.3
    entry = {"input": "b.mp4", "output": "out.mp4", **found}
    (line,) = _notes([entry])
    assert line.startswith("b.mp4: its frames come at varying times")
    assert f"up to {found['off']:g} s apart" in line
    assert _notes([{**entry, **steady}]) == []


@needs_ffmpeg
@pytest.mark.case("E+ a video with sound and no frames")
def test_sound_alone_has_no_frame(tmp_path: Path):
    _ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", tmp_path / "a.mp4")
    with pytest.raises(FaceRefError, match="has no frame that can be read"):
        _upscale(tmp_path / "a.mp4", tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@needs_ffmpeg
@pytest.mark.case("E+ a video of 10 bits a channel")
def test_ten_bits_a_channel(tmp_path: Path):
    ten = ("-pix_fmt", "yuv420p10le", "-c:v", "ffv1", tmp_path / "a.mkv")
    _ffmpeg("-i", film(tmp_path / "a.avi"), *ten)
    _upscale(tmp_path / "a.mkv", tmp_path / "out.mp4")
    frames = []
    for path in ("a.avi", "out.mp4"):
        frames.append(cv2.VideoCapture(str(tmp_path / path)).read()[1].mean())
    assert frames[1] == pytest.approx(frames[0], abs=3)


@needs_ffmpeg
@pytest.mark.case("E+ a video that is turned")
def test_a_video_of_a_turned_phone_is_upright(tmp_path: Path):
    _ffmpeg("-i", film(tmp_path / "film.avi"), "-c:v", "mpeg4", tmp_path / "flat.mp4")
    turned = ("-c", "copy", "-metadata:s:v:0", "rotate=90", tmp_path / "a.mp4")
    _ffmpeg("-i", tmp_path / "flat.mp4", *turned)
    if "rotation" not in _ffmpeg("-i", tmp_path / "a.mp4", "-f", "null", "-"):
        pytest.skip("this ffmpeg writes no rotation")
    _upscale(tmp_path / "a.mp4", tmp_path / "out.mp4")
    assert _read(tmp_path / "out.mp4")[2] == (192, 128, 3)
