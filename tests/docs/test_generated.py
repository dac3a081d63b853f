"""The references that are generated: every command with its options, every name of the API."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import typer

import benchmark
import faceref
from benchmark.cli.app import app as facebench_app
from docs.scripts import tables
from docs.scripts.api import api_reference, undocumented
from docs.scripts.commands import command_reference, commands, options
from docs.scripts.generated import TABLES, filled, with_tables
from docs.scripts.repository import DOCS, ROOT
from faceref.cli.app import app as faceref_app
from faceref.errors import FaceRefError

APPS = {"faceref": faceref_app, "facebench": facebench_app}


@pytest.mark.parametrize("name", APPS)
def test_every_command_is_in_the_reference_with_its_options(name: str):
    sections = dict(
        part.split("\n", 1) for part in command_reference(name, APPS[name]).split("\n## ")[1:]
    )
    for words, command in commands(name, APPS[name]):
        text = sections.pop(words)
        assert command.help.splitlines()[0] in text
        assert all(f"`{option}`" in text for option in options(command) - {"--help", "-h"}), words
    assert not sections


def test_groups_are_taken_apart():
    words = [words for words, _ in commands("facebench", facebench_app)]
    assert "facebench study gains" in words
    assert "facebench study" not in words
    assert words.index("facebench weights") < words.index("facebench weights fetch")


def test_a_section_says_what_a_command_takes():
    app = typer.Typer()

    @app.callback()
    def _main() -> None:
        """Made up."""

    @app.command()
    def cut(
        path: str,
        size: int = typer.Option(3, help="Side | pixels.", rich_help_panel="More"),
        name: str = typer.Option(..., "--name", "-n", help="Of it."),
        keep: bool = typer.Option(False, "--keep", help="Both."),
    ) -> None:
        """Cut it."""

    text = command_reference("tool", app)
    assert "| [`tool cut`](#tool-cut) | Cut it. |" in text
    assert "```text\ntool cut PATH --name NAME [OPTIONS]\n```" in text
    assert "| `--size` | `3` | Side \\| pixels. |" in text
    assert "| `--name`, `-n` | required | Of it. |" in text
    assert "| `--keep` |  | Both. |" in text
    assert text.index("**Arguments**") < text.index("**More**")


@pytest.mark.parametrize("package", [faceref, benchmark])
def test_every_name_of_the_api_is_in_the_reference_once(package: ModuleType):
    lines = api_reference(package).splitlines()
    entries = [line for line in lines if line.startswith("::: ")]
    assert sorted(entries) == sorted(f"::: {package.__name__}.{name}" for name in package.__all__)


def test_a_missing_docstring_ends_the_build():
    class Thing:
        """Said."""

        def done(self) -> None:
            """Said, too."""

        def bare(self) -> None: ...

        def _hidden(self) -> None: ...

    made = ModuleType("made")
    vars(made).update(__all__=["Thing", "silent"], Thing=Thing, silent=lambda: None)
    assert undocumented(made) == ["Thing.bare", "silent"]
    with pytest.raises(FaceRefError, match=r"made: no docstring: Thing\.bare, silent"):
        api_reference(made)


def test_what_stands_right_below_a_mark_is_for_the_repository():
    text = filled("above\n\n<!-- generated: tasks -->\nNot on\nthe site.\n\nOn both.\n")
    assert text.startswith("above\n\n| name |")
    assert text.endswith("|\n\nOn both.\n")
    assert "the site" not in text


@pytest.mark.parametrize("page", TABLES)
def test_the_pages_of_the_repository_hold_their_tables(page: str):
    text = (ROOT / DOCS / page).read_text(encoding="utf-8")
    assert text == with_tables(text), "python -m docs.scripts.generated"


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (tables.methods_table, "| `edsr` | EDSR | Lim et al., CVPRW 2017 | 1.67 | no |"),
        (tables.metrics_table, "| `psnr_y` | PSNR-Y, dB | higher |"),
        (tables.metrics_table, "| `inception`: Apache-2.0"),
        (tables.tasks_table, "| `lfw-x4@1` | LFW, 32x32 to 128x128 | x4 |"),
    ],
)
def test_tables_say_what_there_is(table: Callable[[], str], row: str):
    assert row in table()


def test_an_unknown_part_is_an_error():
    with pytest.raises(FaceRefError, match="hashes"):
        filled("<!-- generated: hashes -->")
