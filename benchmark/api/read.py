"""Read results: leaderboards, figures, the site, checks, model cards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.api.arguments import listed, need_page, open_set
from faceref.api.arguments import as_path
from faceref.console import say

if TYPE_CHECKING:
    from benchmark.report.leaderboard import Leaderboard
    from benchmark.results.paired import Paired
    from benchmark.results.result import Result
    from faceref.dataset.face_ref import FaceRef


def leaderboard(results: str | Path | Result | Sequence[Result] = "results") -> Leaderboard:
    """Rank results that may be compared: of one task, budget, data and set of images.

    Args:
        results: A folder of result files, or results that `evaluate` gave.

    Returns:
        The leaderboard, which a notebook shows as a table: `to_dataframe()`, `to_markdown()`,
        `to_latex()`, `to_csv()`, `to_yaml()` and `plot()`.

    Raises:
        FaceRefError: Where there are no results, or one is damaged or was changed.

    Example:
        >>> import benchmark
        >>> results = [benchmark.evaluate("bicubic", "face_ref", results=None)]
        >>> benchmark.leaderboard(results).to_dataframe()["method"].tolist()
        ['bicubic']
    """
    from benchmark.report.leaderboard import Leaderboard

    return Leaderboard.of(results)


def compare(
    result: Result | str | Path, rival: Result | str | Path, metric: str = "psnr_y"
) -> Paired:
    """The difference of two results, face by face.

    Args:
        result: What `evaluate` gave, or the path of a result file.
        rival: Another, of the same task and faces.
        metric: A metric that both have, such as `psnr_y` in dB.

    Returns:
        The `mean` of `result` minus that of `rival`, in units of the metric, with `low` and `high`
        of its 95 % bootstrap interval over people, and `p`, two-sided. Above zero, `result` is
        better by PSNR or SSIM, and worse by LPIPS or DISTS. p is of one comparison: where several
        are made, correct it.

    Raises:
        FaceRefError: For different tasks or faces, or a metric that one of them lacks.

    Example:
        >>> import benchmark
        >>> result = benchmark.evaluate("bicubic", "face_ref", results=None)
        >>> benchmark.compare(result, result).mean
        0.0
    """
    from benchmark.results.find import compare_results

    return compare_results(result, rival, metric)


def plot(
    results: str | Path = "results",
    *,
    out: str | Path = "report",
    faces: FaceRef | str | Path | None = None,
    runs: str | Path = "runs",
    methods: str | Sequence[str] = (),
    reference_list: str = "refs_lr",
    rows: int = 8,
) -> list[Path]:
    """Draw the leaderboards and their figures and, with `faces`, faces super-resolved by methods.

    Args:
        results: Folder of result files.
        out: Folder to write to: `leaderboard.md`, and PNG and PDF in `figures/`.
        faces: A Face_Ref, or its folder, to draw faces from; None draws none.
        runs: Folder with one training a method: those that the results are of.
        methods: Methods to draw; empty: all that can be, with a line that names the others.
        reference_list: `refs_lr` or `refs_hr`.
        rows: Faces to draw.

    Returns:
        The files written.

    Raises:
        FaceRefError: Where there are no results, a set or training cannot be used, or the training
            of one of `methods` is another than that of its results.
    """
    from faceref.outputs.writable import need_folder

    need_folder(as_path(out))
    made = leaderboard(results).draw(as_path(out))
    if faces is not None:
        from benchmark.report.examples import draw_faces, trainings_of

        chosen = trainings_of(as_path(results), listed(methods), as_path(runs))
        made += draw_faces(open_set(faces), chosen, reference_list, rows, as_path(out) / "figures")
    return made


def write_site(
    results: str | Path = "results",
    *,
    out: str | Path = "site",
    faces: FaceRef | str | Path | None = None,
    runs: str | Path = "runs",
    methods: str | Sequence[str] = (),
    reference_list: str = "refs_lr",
) -> Path:
    """Write a page with sortable leaderboards, their protocols and, with `faces`, images.

    Args:
        results: Folder of result files.
        out: Folder of the page. Images that are there stay where `faces` is None.
        faces: A Face_Ref of the embedded sample, or its folder, for the images.
        runs: Folder with one training a method.
        methods: Methods to show; empty: all that can be.
        reference_list: `refs_lr` or `refs_hr`.

    Returns:
        The page, `index.html`.

    Raises:
        FaceRefError: Where there are no results, or the set shows people who exist.
    """
    from benchmark.report.site.build import write_site as write
    from faceref.outputs.writable import need_folder

    need_folder(as_path(out))
    if faces is not None:
        from benchmark.report.examples import trainings
        from benchmark.report.site.gallery import write_gallery

        chosen = trainings(listed(methods), as_path(runs))
        write_gallery(open_set(faces), chosen, as_path(results), as_path(out), reference_list)
    return write(leaderboard(results), as_path(out))


def serve_site(folder: str | Path = "reports/site", *, port: int = 0, browser: bool = True) -> None:
    """Show a page in the browser, from this machine alone, until Ctrl-C.

    Args:
        folder: Folder of a page.
        port: 0 takes a free one.
        browser: Open the browser.

    Raises:
        FaceRefError: Where there is no page, or the port is taken.
    """
    import webbrowser

    from benchmark.report.site.serve import address, open_server

    with open_server(as_path(folder), port) as server:
        say(f"{address(server)} shows {folder}. Ctrl-C ends.")
        if browser:
            webbrowser.open(address(server))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("ended")


def validate(
    paths: str | Path | Sequence[str | Path], faces: FaceRef | str | Path | None = None
) -> dict[Path, str | None]:
    """Check results: hashes, numbers, means, image ids.

    Args:
        paths: Result files, or folders of them.
        faces: The Face_Ref, or its folder, that they must be of; None: any.

    Returns:
        What is wrong with each file; None where nothing is.

    Raises:
        FaceRefError: Where a path does not exist.
    """
    from benchmark.results.validate import validate_all

    several = [paths] if isinstance(paths, (str, Path)) else paths
    face_ref = None if faces is None else open_set(faces)
    return validate_all([as_path(path) for path in several], face_ref)


def write_model_card(
    results: str | Path,
    method: str,
    *,
    licence: str,
    licence_link: str | None = None,
    weights: str | None = None,
    out: str | Path = "MODEL_CARD.md",
) -> Path:
    """Write the model card of exported weights, from the results alone.

    Args:
        results: Folder of result files.
        method: Method of the weights.
        licence: Licence of the weights, such as `cc-by-4.0`.
        licence_link: Address of the licence text, if the Hub has no id for the licence.
        weights: Start of the weights' SHA-256, needed if the results are of several weights.
        out: File to write.

    Returns:
        The file.

    Raises:
        FaceRefError: Where there are no such results, or more than one choice.
    """
    from benchmark.report.model_card import write_card
    from benchmark.results.files import read_all
    from faceref.files import write_text
    from faceref.release.policy import stated

    need_page(as_path(out), "library_name: face-ref")
    terms = stated(licence, licence_link)
    assert terms is not None
    write_text(as_path(out), write_card(read_all(as_path(results)), method, terms, weights))
    return as_path(out)
