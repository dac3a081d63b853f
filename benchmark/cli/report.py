"""`facebench site` and `facebench serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def site(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("site"),
    face_ref: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Face_Ref of the embedded sample, for the images."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder with one training a method.")] = Path("runs"),
    methods: Annotated[
        str, typer.Option(help="Methods to show, by commas; default: all that can be.")
    ] = "",
    reference_list: Annotated[str, typer.Option("--list", help="refs_hr or refs_lr.")] = "refs_lr",
) -> None:
    """Write the page: sortable leaderboards, protocols and, with --face-ref, images."""
    from benchmark.report.leaderboard import Leaderboard
    from benchmark.report.site.build import write_site
    from faceref.console import say

    if face_ref is not None:
        from benchmark.report.examples import trainings
        from benchmark.report.site.gallery import write_gallery

        write_gallery(face_ref, trainings(methods, runs), results, out, reference_list)
    page = write_site(Leaderboard.of(results), out)
    say(f"{page}. Look at it: facebench serve {out}")


def serve(
    folder: Annotated[Path, typer.Argument(help="Folder of a page.")] = Path("reports/site"),
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Show a page in the browser, from this machine alone; Ctrl-C ends."""
    import webbrowser

    from benchmark.report.site.serve import address, open_server
    from faceref.console import say

    with open_server(folder, port) as server:
        say(f"{address(server)} shows {folder}. Ctrl-C ends.")
        if browser:
            webbrowser.open(address(server))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("ended")
