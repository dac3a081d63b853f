"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RUNNING = "Running"
"""Panel of options about the machine."""
MORE = "More"
"""Panel of options that few need."""

FaceRefDir = Annotated[Path, typer.Argument(help="A Face_Ref folder, made by `faceref build`.")]
Results = Annotated[Path, typer.Argument(help="Folder of result files.")]
MethodName = Annotated[str, typer.Option("--method", "-m", help="See `facebench methods`.")]
BUDGETS = "debug, demo, small, medium or full; or one for other faces seen, as small-40000."
BudgetName = Annotated[str, typer.Option(help=BUDGETS)]
References = Annotated[int, typer.Option(help="References given, K, 0 to 64.", min=0, max=64)]
ReferenceList = Annotated[
    str,
    typer.Option(help="refs_lr: found with the LR face; refs_hr: found with the HR face."),
]
Metrics = Annotated[
    str,
    typer.Option(
        help="More metrics, by commas: lpips_alex, lpips_vgg, lpips_squeeze, dists, fid, kid, "
        "identity, landmarks, usage."
    ),
]
Judge = Annotated[
    str,
    typer.Option(
        "--embedder",
        help="dlib or insightface, for identity, landmarks and usage. Must not be the embedder of "
        "the build.",
        rich_help_panel=MORE,
    ),
]
JudgePack = Annotated[
    str | None, typer.Option("--pack", help="insightface model pack.", rich_help_panel=MORE)
]
TaskName = Annotated[
    str | None,
    typer.Option(
        help="See `facebench protocol`. Default: SOURCE-x8@1, or folder-x8@1.",
        rich_help_panel=MORE,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        help="Score that many faces, evenly spaced. Default: all.", min=1, rich_help_panel=MORE
    ),
]
UpscalingWeights = Annotated[
    list[Path] | None,
    typer.Option(
        "--weights",
        help="Folder of a training, exported .safetensors file, or method that comes with weights; "
        "it replaces the package's network of its scale. Twice, for x8 and x4.",
        show_default="those of the package",
    ),
]
Finder = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        help="What finds faces: dlib or insightface.",
        show_default="dlib; insightface with --pack",
        rich_help_panel=MORE,
    ),
]
FinderPack = Annotated[
    str | None,
    typer.Option(
        "--pack",
        help="insightface pack: a folder, or a name to fetch (default buffalo_l).",
        rich_help_panel=MORE,
    ),
]
Device = Annotated[str, typer.Option(help="cpu or cuda.", rich_help_panel=RUNNING)]
Threads = Annotated[
    int,
    typer.Option(help="CPU threads of torch; 0: its default.", min=0, rich_help_panel=RUNNING),
]
Precision = Annotated[
    str,
    typer.Option(
        help="auto, bf16 or fp32. auto: the budget's, but fp32 on devices without native bf16.",
        rich_help_panel=RUNNING,
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        help="Stop with a checkpoint before that time is over.", min=0.1, rich_help_panel=RUNNING
    ),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile", help="torch.compile; on a GPU with CUDA graphs.", rich_help_panel=RUNNING
    ),
]


def use_threads(count: int) -> None:
    """Give torch `count` CPU threads; 0 leaves it as it is."""
    if count:
        import torch

        torch.set_num_threads(count)
