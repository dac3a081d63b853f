import os
from pathlib import Path

import pytest
from PIL import Image

from benchmark.upscaling.images import write_image
from benchmark.upscaling.jobs import list_jobs, output_names
from faceref.errors import FaceRefError
from tests.faceref.fakes import face_image


def _images(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"an image, or not: it is not read here")
    return folder


def _outputs(given: Path, out: Path) -> dict[str, str]:
    return {job.name: job.out.relative_to(out).as_posix() for job in list_jobs(given, out).listed}


def test_a_folder_without_images_says_what_is_known(tmp_path: Path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FaceRefError, match=r"No image and no video at .* \(1 others\).*\.heic"):
        list_jobs(tmp_path, tmp_path / "out")
    with pytest.raises(FaceRefError, match="No file and no folder at"):
        list_jobs(tmp_path / "nowhere", tmp_path / "out")


@pytest.mark.case("A3")
def test_the_folder_that_is_read_is_never_written_to(tmp_path: Path):
    folder = _images(tmp_path / "photos", "a.jpg", "a.png")
    (tmp_path / "link").symlink_to(folder)
    for out in (folder, tmp_path / "link", folder / "." / ".." / "photos"):
        with pytest.raises(FaceRefError, match=r"is the folder that is read.*another --out"):
            list_jobs(folder, out)


@pytest.mark.case("C+ pipes and links to nothing")
def test_a_pipe_is_passed_over_and_never_opened(tmp_path: Path):
    folder = _images(tmp_path / "photos", "a.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    jobs = list_jobs(folder, tmp_path / "out")
    assert [job.name for job in jobs.listed] == ["a.jpg"]
    assert sorted(jobs.passed_over) == ["gone.png", "pipe.jpg", "zero.png"]
    with pytest.raises(FaceRefError, match=r"pipe\.jpg is a pipe or a device\. Give"):
        list_jobs(folder / "pipe.jpg", tmp_path / "out")


@pytest.mark.case("A+ a pipe, a link or a hard link where an output goes")
def test_what_lies_where_an_output_goes_is_left_alone(tmp_path: Path):
    folder = _images(tmp_path / "photos", "a.png")
    for name in ("pipe", "link", "hard"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe" / "a.png")
    (tmp_path / "mine.png").write_bytes(b"mine")
    (tmp_path / "link" / "a.png").symlink_to(tmp_path / "mine.png")
    (tmp_path / "hard" / "a.png").hardlink_to(folder / "a.png")
    for name in ("pipe", "link", "hard"):
        with pytest.raises(FaceRefError, match=r"a\.png (is read and )?would be written over"):
            list_jobs(folder, tmp_path / name)


@pytest.mark.case("A3")
def test_an_output_is_no_input_and_no_file_of_the_user(tmp_path: Path):
    folder = _images(tmp_path / "photos", "b.png", "photos/b.jpg")
    with pytest.raises(FaceRefError, match=r"photos/b\.png is read and would be written over"):
        list_jobs(folder, tmp_path)
    user = _images(tmp_path / "mine", "b.png", "b.jpg")
    with pytest.raises(FaceRefError, match=r"b\.png would be written over and did not come from"):
        list_jobs(user / "b.jpg", user)
    (user / "report.json").write_text("{}")
    (user / "b.png").unlink()
    with pytest.raises(FaceRefError, match=r"report\.json would be written over"):
        list_jobs(user / "b.jpg", user)
    (user / "report.json").unlink()
    (user / "b-explained").mkdir()
    (user / "b-explained" / "thesis.txt").touch()
    with pytest.raises(FaceRefError, match=r"b-explained would be written over"):
        list_jobs(user / "b.jpg", user)


@pytest.mark.case("A3")
def test_a_link_among_the_outputs_to_an_input_is_seen(tmp_path: Path):
    folder = _images(tmp_path / "photos", "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(folder / "a.png")
    with pytest.raises(FaceRefError, match=r"out/a\.png is read"):
        list_jobs(folder, tmp_path / "out")


def test_what_this_command_made_may_be_made_again(tmp_path: Path):
    folder = _images(tmp_path / "photos", "a.jpg")
    out = tmp_path / "out"
    write_image(face_image(0, 0), out / "a.png")
    write_image(face_image(0, 0), out / "a-explained" / "faces.png")
    assert _outputs(folder, out) == {"a.jpg": "a.png"}
    Image.fromarray(face_image(0, 0)).save(out / "a.png")
    with pytest.raises(FaceRefError, match="did not come from this command"):
        list_jobs(folder, out)


@pytest.mark.case("A4")
@pytest.mark.parametrize(
    "names",
    [
        ("a.avi", "a.mp4"),
        ("a.jpg", "a.png"),
        ("A.png", "a.PNG"),
        ("a.jpg", "a.jpg.png", "a.png"),
        ("a.jpg", "a.png", "a.jpg.png.png"),
        ("A.jpg", "a.JPG", "a.jpg.png"),
        ("a.avi", "a.jpg", "a.mov", "a.tif"),
        ("a.jpg", "a-explained/faces.png"),
        ("a.jpg", "a.png/b.jpg"),
        ("Jose\u0301.jpg", "Jos\u00e9.jpg"),
    ],
)
def test_two_inputs_never_share_an_output(names: tuple[str, ...], tmp_path: Path):
    found = list_jobs(_images(tmp_path / "photos", *names), tmp_path / "out").listed
    assert sorted(job.name for job in found) == sorted(names)
    sheets = [job.sheets for job in found if not job.video]
    outputs = [path.as_posix().casefold() for path in (*(job.out for job in found), *sheets)]
    assert len(set(outputs)) == len(outputs)
    folders = {parent.as_posix().casefold() for job in found for parent in job.out.parents}
    assert folders.isdisjoint(outputs)


def test_names_keep_their_ending_only_where_they_must():
    given = ("a.jpg", "a.png", "b.jpg", "c.avi", "c.png", "sub/b.png")
    names = [path.as_posix() for path in output_names([Path(name) for name in given])]
    assert names == ["a.jpg.png", "a.png.png", "b.png", "c.mp4", "c.png", "sub/b.png"]


@pytest.mark.case("F images in sub-folders")
def test_sub_folders_are_read_and_the_rest_is_passed_over_with_a_reason(tmp_path: Path):
    folder = _images(
        tmp_path / "photos", "a.jpg", "x/y/b.HEIC", "notes.txt", "._a.jpg", ".git/c.png"
    )
    (folder / "again").symlink_to(folder)
    out = folder / "large"
    _images(out, "a.gif")
    jobs = list_jobs(folder, out)
    assert _outputs(folder, out) == {"a.jpg": "a.png", "x/y/b.HEIC": "x/y/b.png"}
    assert jobs.passed_over == {
        "._a.jpg": "hidden",
        ".git": "hidden",
        "again": "a link to a folder",
        "notes.txt": "no image and no video by its ending",
    }


@pytest.mark.case("C16")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_passed_over(tmp_path: Path):
    folder = _images(tmp_path / "photos", "a.jpg", "lost+found/b.jpg")
    (folder / "lost+found").chmod(0)
    try:
        passed_over = list_jobs(folder, tmp_path / "out").passed_over
    finally:
        (folder / "lost+found").chmod(0o755)
    assert passed_over == {"lost+found": "a folder that may not be read"}


@pytest.mark.case("C15")
def test_names_that_are_no_text_are_listed_and_can_be_printed(tmp_path: Path):
    folder = _images(tmp_path / "photos", os.fsdecode(b"Jos\xe9.jpg"), "a\nb.jpg")
    for job in list_jobs(folder, tmp_path / "out").listed:
        assert job.name.isprintable()
        assert job.name.encode()


def test_an_out_that_cannot_be_written_is_said_before_the_work(tmp_path: Path):
    folder = _images(tmp_path / "photos", "a.jpg")
    (tmp_path / "file").touch()
    with pytest.raises(FaceRefError, match=r"--out .*a part of its path is a file, no folder"):
        list_jobs(folder, tmp_path / "file" / "out")
