"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

TaskName = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="See `facebench protocol`. Default: SOURCE-x8@1, or folder-x8@1."),
]
FaceLimit = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(help="Score that many, evenly spaced. Default: all.", min=1),
]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Threads = Annotated[int, typer.Option(help="CPU threads of torch; 0: its default.", min=0)]
