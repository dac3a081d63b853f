"""Results on disk: JSON that explains itself, and the scores of every image beside it.

```
<folder>/<task>/<method>/<run>.json     everything but the scores; its own SHA-256 and that of
<folder>/<task>/<method>/<run>.parquet  image_id and a column a metric, a row an image
```

Every table and figure is made from these. What was changed since it was written is an error that
names the file, never a row of a leaderboard.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.memory.adaptation import SHAPE as ADAPTATION
from benchmark.results.checks import problems
from benchmark.results.result import FORMAT, Result
from faceref.errors import FaceRefError
from faceref.files import write_bytes
from faceref.reading.boundary import reading
from faceref.reading.json_file import read_json
from faceref.reading.shape import COUNT, NUMBER, Each, Maybe

_AGAIN = "Evaluate again."
_SHAPE = {
    "adaptation": Maybe(ADAPTATION),
    "code": str,
    "hardware": {"device": str, "threads": Maybe(COUNT)},
    "macs": Maybe(COUNT),
    "means": Each(NUMBER),
    "method": str,
    "metric_sources": Each(dict),
    "milliseconds": Maybe(NUMBER),
    "parameters": Maybe(COUNT),
    "peak_memory_mib": Maybe(NUMBER),
    "references": COUNT,
    "references_sha256": Maybe(str),
    "scores_sha256": str,
    "seconds": Maybe(NUMBER),
    "set_scores": Each(NUMBER),
    "sha256": str,
    "task": str,
    "training": Maybe(
        {
            "archived_from": Maybe(str),
            "best_step": COUNT,
            "data_revision": str,
            "hardware": {"device": str, "threads": Maybe(COUNT)},
            "learning_rate": Maybe(NUMBER),
            "method_sha256": Maybe(str),
            "precision": str,
            "seconds": NUMBER,
            "steps": COUNT,
            "val_curve": [(NUMBER, NUMBER)],
            "val_psnr_y": NUMBER,
            "weights_sha256": str,
        }
    ),
    "versions": Each(str),
    "weights": Maybe({"architecture": str, "file": str, "sha256": str}),
}
"""What tables and figures read of a result, besides what `problems` checks."""
SHOWN = 10
"""Damaged files that one error names."""
APART = 0.01
"""Of two scores of one face, in dB or units; where more, they are taken to be of other outputs."""
_IN_TABLE = ("scores", "image_ids")
_NOT_WRITTEN = ("repeats",)


class _UnknownError(FaceRefError):
    """A result that may be sound: of a newer version, or away from its scores."""


def write(result: Result, folder: str | Path) -> Path:
    """Write a result below a folder; one that is there for the same run is replaced.

    Args:
        result: See `benchmark.evaluation.evaluate.evaluate`.
        folder: Of all results; the file lies at `<task>/<method>/<run>.json` below it.

    Returns:
        The path of the JSON.

    Raises:
        FaceRefError: Where the result would not be read again, or the folder cannot be written.
    """
    found = problems(replace(result, format=FORMAT))
    if found:
        raise FaceRefError(f"{result.method} is not written: {'; '.join(found)}.")
    path = result.path(Path(folder))
    table = _to_parquet(result)
    content = {
        field.name: getattr(result, field.name)
        for field in fields(result)
        if field.name not in (*_IN_TABLE, *_NOT_WRITTEN)
    }
    content |= {"format": FORMAT, "scores_sha256": hashlib.sha256(table).hexdigest()}
    content["sha256"] = _digest(content)
    write_bytes(path.with_suffix(".parquet"), table)
    write_bytes(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())
    return path


def with_older_metrics(result: Result, folder: Path) -> Result:
    """`result`, and metrics that it lacks of the file which it would replace.

    Only where both are of the same outputs: the same images, references and weights, and scores
    within `APART` in all metrics that both have, as another processor rounds otherwise.
    """
    path = result.path(folder)
    older = read_if_whole(path)
    if older is None:
        return result
    shared = set(result.scores) & set(older.scores)
    same = (
        older.images_sha256 == result.images_sha256
        and _weights(older) == _weights(result)
        and older.weights == result.weights
        and older.adaptation == result.adaptation
        and _same_if_known(older.references_sha256, result.references_sha256)
        and all(_near(older.scores[name], result.scores[name]) for name in shared)
    )
    if not same:
        return result
    mixed = ("scores", "means", "set_scores", "metric_sources")
    return replace(result, **{one: getattr(older, one) | getattr(result, one) for one in mixed})


def read_if_whole(path: Path) -> Result | None:
    """The result of a file; None where there is none, or a damaged one."""
    try:
        return read(path) if path.exists() else None
    except _UnknownError:
        raise
    except FaceRefError:
        return None


def _same_if_known(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _near(scores: Sequence[float | None], others: Sequence[float | None]) -> bool:
    ours, theirs = (np.array(row, np.float64) for row in (scores, others))
    return np.allclose(ours, theirs, rtol=0, atol=APART, equal_nan=True)


def _weights(result: Result) -> str | None:
    return result.training["weights_sha256"] if result.training else None


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 of all fields but `sha256` itself, as JSON with sorted keys."""
    kept = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _to_parquet(result: Result) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"image_id": pa.array(result.image_ids, pa.string())}
    columns |= {name: pa.array(row, pa.float64()) for name, row in result.scores.items()}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd", use_dictionary=False)
    return buffer.getvalue()


def read(path: str | Path) -> Result:
    """Read one result.

    Args:
        path: The JSON file; the table of its scores lies beside it.

    Returns:
        The result, with the scores of every image.

    Raises:
        FaceRefError: Where it is damaged, was changed by hand, or is of another format.
    """
    path = Path(path)
    content = _json(path)
    if content.get("format") != FORMAT:
        version = content.get("format")
        newer = isinstance(version, int) and version > FORMAT
        raise (_UnknownError if newer else FaceRefError)(
            f"{path} is no result: format {version!r}, expected {FORMAT}. "
            + ("Update face-ref." if newer else "Evaluate again with this version.")
        )
    result = _made(path, _with_scores(path, content))
    with reading(path, _AGAIN):
        found = problems(result)
    if found:
        raise FaceRefError(f"{path} is no sound result: {'; '.join(found)}. Evaluate again.")
    return result


def _json(path: Path) -> dict[str, Any]:
    return read_json(path, _AGAIN, _SHAPE)


def _with_scores(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """The fields of a result, with the table beside it; both hashes are checked."""
    if content.get("sha256") != _digest(content):
        raise FaceRefError(
            f"{path} was changed since it was written: its SHA-256 is not the recorded one. "
            "Evaluate again."
        )
    table = path.with_suffix(".parquet")
    try:
        data = table.read_bytes()
    except OSError as error:
        raise _UnknownError(
            f"{path} has no scores: {table.name}: {error.strerror}. Bring it along, or evaluate "
            "again."
        ) from error
    if hashlib.sha256(data).hexdigest() != content["scores_sha256"]:
        raise FaceRefError(
            f"{table} is damaged or was changed: its SHA-256 is not the one in {path.name}. "
            "Evaluate again."
        )
    kept = {key: v for key, v in content.items() if key not in ("sha256", "scores_sha256")}
    return {**kept, **_from_parquet(table, data)}


def _from_parquet(path: Path, data: bytes) -> dict[str, Any]:
    import pyarrow as pa

    from faceref.reading.parquet import read_parquet

    schema = pa.schema([("image_id", pa.string())])
    columns = read_parquet(path, _AGAIN, schema, whole={"image_id"}, data=data)
    found = {name: _listed(columns.column(name)) for name in columns.column_names}
    return {"image_ids": found.pop("image_id"), "scores": found}


def _listed(column: Any) -> list[Any]:
    """`to_pylist`, but ten times as fast for numbers without gaps."""
    whole = column.null_count == 0 and str(column.type) == "double"
    return column.to_numpy().tolist() if whole else column.to_pylist()


def _made(path: Path, content: dict[str, Any]) -> Result:
    known = {field.name for field in fields(Result)} - set(_NOT_WRITTEN)
    needed = {
        field.name
        for field in fields(Result)
        if field.default is MISSING and field.default_factory is MISSING
    }
    for what, names in (("lacks", needed - set(content)), ("has unknown", set(content) - known)):
        if names:
            raise FaceRefError(
                f"{path} {what} {', '.join(sorted(names))}. Evaluate again with this version."
            )
    return Result(**content)


def read_all(folder: str | Path) -> list[Result]:
    """Read all results of a folder.

    Args:
        folder: As it was given to `write`.

    Returns:
        The results, in the order of their paths. One that lies in two folders counts once.

    Raises:
        FaceRefError: Naming every file that is damaged, was changed, or does not lie where the run
            that it holds belongs (a copy under another name would be on the leaderboard twice), and
            where two different results of one run on one set lie in two folders.
    """
    folder = Path(folder)
    paths = result_paths(folder)
    found, wrong = [], []
    seen: dict[tuple[str, Path], tuple[Path, Result]] = {}
    for path in paths:
        try:
            result = read_in_place(path, path.parents[2])
            key = result.data_revision, result.path(Path())
            first = seen.setdefault(key, (path, result))
            if first[0] == path:
                found.append(result)
            elif first[1] != result:
                raise FaceRefError(
                    f"{first[0]} and {path} are two different results of one run on one set, "
                    "which counts once. Keep one of them."
                )
        except FaceRefError as error:
            wrong.append(str(error))
    if wrong:
        more = [f"... and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        them = "it, move it" if len(wrong) == 1 else "them, move them"
        way_out = f"To go on without {them} out of {folder}."
        if len(wrong) == 1:
            raise FaceRefError(f"{wrong[0]} {way_out}")
        raise FaceRefError("\n".join([*wrong[:SHOWN], *more, way_out]))
    return found


def result_paths(folder: Path) -> Sequence[Path]:
    """The result files below `folder`; raises FaceRefError where there is none.

    Those of others may lie in folders of their own: THEIRS/TASK/METHOD/RUN.json. Hidden files, such
    as a Mac's `._run.json`, are not ours: they are passed over.
    """
    if folder.is_file():
        raise FaceRefError(f"{folder} is a file. Give the folder that was given as --results.")
    places = (path.relative_to(folder).parts for path in folder.rglob("*/*/*.json"))
    shown = (parts for parts in places if not any(part.startswith(".") for part in parts))
    ours = (parts for parts in shown if len(parts) == 3 or "@" in parts[-3])
    paths = sorted(folder.joinpath(*parts) for parts in ours)
    if not paths:
        raise FaceRefError(
            f"No results in {folder}. Make one: facebench evaluate FACE_REF --method bicubic "
            f"--results {folder}"
        )
    return paths


def read_in_place(path: Path, folder: Path) -> Result:
    """As `read`; raises FaceRefError, too, where another run belongs at that path of `folder`."""
    result = read(path)
    expected = result.path(folder)
    if path != expected:
        raise FaceRefError(
            f"{path} holds the run that belongs at {expected}"
            f"{', which is there, too: one run counts once' if expected.exists() else ''}. "
            "Delete the copy, or move it there."
        )
    return result
