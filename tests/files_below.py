"""What a folder holds, to compare one with another."""

from pathlib import Path


def files_below(root: Path) -> dict[str, bytes]:
    """The bytes of every file below `root`, by its path from there."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
