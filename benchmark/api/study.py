"""Study trained methods and results, each study with the page that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.api.arguments import need_page, open_set
from faceref.api.arguments import as_path, path_or_none
from faceref.console import progress_bar

if TYPE_CHECKING:
    from benchmark.training.run import Run
    from faceref.dataset.face_ref import FaceRef


def study_references(
    faces: FaceRef | str | Path,
    runs: Sequence[Run | str | Path],
    *,
    out: str | Path = "report",
    task: str | None = None,
    split: str = "test",
    also: Sequence[str | Path] = (),
    counts: str | Sequence[int] = (1, 2, 3, 5, 8),
    limit: int | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> list[Path]:
    """Study what trained methods gain from each kind and number of references.

    Random faces, look-alikes, other images of the same person, the target itself; K from 0 up.
    Interrupted, the same call goes on.

    Args:
        faces: A Face_Ref, or its folder.
        runs: Trainings, or exported weights; a page each.
        out: Folder for pages, figures and `studies/*.json`.
        task: None: that of the set's source, else `folder-x8@1`.
        split: `test` or `val`.
        also: Other builds of the same faces, whose lists are by another similarity.
        counts: Numbers of references, K; also as text, `1,2,5`.
        limit: Score that many faces, evenly spaced; None: all.
        device: `cpu` or `cuda`.
        progress: Show a progress bar.

    Returns:
        The files written.

    Raises:
        FaceRefError: For a method without references, two trainings of one name, or a split in
            which nobody has two images.
    """
    from benchmark.studies.references import need_names_apart, parse_counts
    from benchmark.studies.references_page import study_training
    from faceref.outputs.writable import need_folder

    need_folder(as_path(out))
    folders = [as_path(run) for run in runs]
    need_names_apart(folders)
    face_ref, others = open_set(faces), [open_set(path) for path in also]
    made: list[Path] = []
    for run in folders:
        with progress_bar(f"Studying {run}", "faces", shown=progress) as update:
            made += study_training(
                face_ref,
                run,
                as_path(out),
                task_name=task,
                split=split,
                counts=parse_counts(counts) if isinstance(counts, str) else counts,
                faces=limit,
                also=others,
                device=device,
                progress=update,
            )
    return made


def draw_reference_studies(files: Sequence[str | Path], out: str | Path = "report") -> list[Path]:
    """Draw the pages of studies again from their files.

    Args:
        files: `studies/*.json` of `study_references`.
        out: Folder for pages and figures.

    Returns:
        The files read and written.

    Raises:
        FaceRefError: Where a file is no study.
    """
    from benchmark.studies.references_page import write_findings

    paths = map(as_path, files)
    return [path for file in paths for path in (file, *write_findings(file, as_path(out)))]


def study_gains(
    results: str | Path = "results",
    *,
    method: str = "msrnet",
    studies: str | Path = "report/studies",
    out: str | Path = "report",
    budget: str = "small",
    task: str = "",
) -> list[Path]:
    """Write a page that says whether a method gains: paired differences of a leaderboard.

    Args:
        results: Folder of result files.
        method: The method that is compared with its rivals, its variants, and itself without
            references.
        studies: Folder of files of `study_references`.
        out: Folder for page and figure.
        budget: Whose leaderboard.
        task: Empty: the only one of that budget.

    Returns:
        The files written.

    Raises:
        FaceRefError: Where there is no such leaderboard, or nothing to compare on it.
    """
    from benchmark.studies.gains_page import write_gains
    from faceref.outputs.writable import need_folder

    need_folder(as_path(out))
    return write_gains(as_path(results), as_path(studies), as_path(out), budget, task, method)


def study_slices(
    results: str | Path,
    method: str,
    *,
    against: str = "bicubic",
    faces: FaceRef | str | Path | None = None,
    attributes: str | Path | None = None,
    budget: str = "small",
    task: str = "",
    metric: str = "psnr_y",
    out: str | Path = "slices.md",
) -> str:
    """Compare two rows by pose, sharpness and size of the faces, or by attributes of the source.

    Args:
        results: Folder of result files.
        method: A row: its method, or label.
        against: The row to compare with.
        faces: The Face_Ref of the results, or its folder: slices by pose, sharpness and size.
        attributes: Table of attributes: CelebA's text file, or CSV with `image_id`.
        budget: Whose leaderboard.
        task: Empty: the only one of that budget.
        metric: `psnr_y`, `ssim_y`, `identity`, ...
        out: Markdown file to write; the figure lies beside it.

    Returns:
        The text of the page.

    Raises:
        FaceRefError: Where neither `faces` nor `attributes` is given, a row is not there, or `out`
            is not ours.
    """
    from benchmark.studies.slices import Wanted, write_slices

    need_page(as_path(out), "Differences are paired face by face")
    face_ref = None if faces is None else open_set(faces)
    table = path_or_none(attributes)
    wanted = Wanted(method, against, budget, task, metric)
    return write_slices(as_path(results), wanted, face_ref, table, as_path(out))


def study_protocols(
    faces: FaceRef | str | Path, *, out: str | Path = "protocols.md", name: str = "a folder"
) -> str:
    """Show on one set of faces how each choice of a protocol moves the number.

    Args:
        faces: A Face_Ref, its folder, or a folder of 128x128 images.
        out: Markdown file to write.
        name: What the page calls the faces.

    Returns:
        The text of the page.

    Raises:
        FaceRefError: Where there are no faces of that size.
    """
    from benchmark.studies.protocol_choices import page, read_faces
    from faceref.files import write_text

    need_page(as_path(out), "one choice changed at a time")
    folder = faces if isinstance(faces, (str, Path)) else faces.root
    text = page(read_faces(as_path(folder)), name)
    write_text(as_path(out), text)
    return text
