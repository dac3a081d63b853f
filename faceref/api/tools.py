"""Tools: what this machine has, synthetic faces, the embedded sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from faceref.api.arguments import as_path, need_seed

if TYPE_CHECKING:
    from faceref.doctor.report import Report
    from faceref.synthetic.generate import GenerateReport


def diagnose(
    device: str = "cpu",
    embedder: str = "insightface",
    pack: str | Path | None = None,
    out: str | Path = ".",
) -> Report:
    """Find what is installed, which device each stage of a build would use, and what is wrong.

    Args:
        device: `cpu` or `cuda`: what the build shall use.
        embedder: `insightface` or `dlib`.
        pack: insightface model pack, a folder or a name; None is `buffalo_l`.
        out: Where the set would be made.

    Returns:
        The findings; `faults` is empty where a build can run.

    Example:
        >>> import faceref
        >>> [stage.name for stage in faceref.diagnose(embedder="dlib").stages][1]
        'detect'
    """
    from faceref.doctor.report import Question, examine

    return examine(Question(device, embedder, None if pack is None else str(pack), as_path(out)))


def synth(
    out: str | Path,
    *,
    identities: int = 64,
    per_identity: int = 6,
    seed: int = 2026,
    size: int = 128,
    workers: int = 0,
) -> GenerateReport:
    """Render people who do not exist as a folder to build from (needs the extra `synthetic`).

    Args:
        out: Folder to make or to complete.
        identities: People.
        per_identity: Images of each.
        seed: The same seed gives the same bytes.
        size: Pixels across.
        workers: Processes; 0 is one a core.

    Returns:
        What was rendered, and where.

    Raises:
        FaceRefError: Where the extra is not installed.
    """
    from faceref.outputs.writable import need_folder
    from faceref.synthetic.generate import generate

    need_seed(seed)
    need_folder(as_path(out))
    return generate(
        as_path(out),
        identities=identities,
        per_identity=per_identity,
        seed=seed,
        size=size,
        workers=workers or None,
    )


def sample(out: str | Path) -> int:
    """Unpack the embedded sample as a folder of faces, to see or to build from.

    Args:
        out: Folder to make.

    Returns:
        The number of images.

    Example:
        >>> import faceref
        >>> faceref.sample("people")
        384
    """
    from faceref.outputs.writable import need_folder
    from faceref.sources.sample import write_sample_folder

    need_folder(as_path(out))
    return write_sample_folder(as_path(out))
