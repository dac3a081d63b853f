"""How a command is tried: run in this process, and what it must say."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from benchmark.cli.app import app as benchmark_app
from faceref.cli.app import app as faceref_app


def run(*words: str | Path, **environment: str) -> Result:
    """`facebench ...` or `faceref ...`."""
    app = {"facebench": benchmark_app, "faceref": faceref_app}[str(words[0])]
    return CliRunner().invoke(app, [str(word) for word in words[1:]], env=environment)


def refuses(*words: str | Path, says: tuple[str, ...]) -> None:
    """The command ends with status 1 and one line on stderr that holds all of `says`."""
    result = run(*words)
    assert result.exit_code == 1, result.output
    (line,) = [text for text in result.stderr.splitlines() if text.startswith("error: ")]
    assert [part for part in says if part not in line] == [], line
    assert isinstance(result.exception, SystemExit), result.exception


def works(*words: str | Path, **environment: str) -> str:
    """What the command prints; its status is 0."""
    result = run(*words, **environment)
    assert result.exit_code == 0, result.output
    return result.stdout
