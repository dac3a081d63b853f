"""The reference of a command line as Markdown, read off the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

HEADING = "## "
NONE = ("", None, False, ())
"""Defaults that need not be shown."""


def command_reference(name: str, app: typer.Typer) -> str:
    """Every command of `app`, each with its arguments and options.

    Args:
        name: What the command line is called, such as `faceref`.
        app: The command line.
    """
    group: Any = typer.main.get_command(app)
    blocks = [_index(name, group), group.epilog or ""]
    for words, command in commands(name, app):
        blocks += _section(words, command)
    return "\n\n".join(block for block in blocks if block) + "\n"


def commands(name: str, app: typer.Typer) -> Iterator[tuple[str, Any]]:
    """Every command with the words that call it, groups taken apart, in the order of the help."""
    yield from _below(name, typer.main.get_command(app))


def options(command: Any) -> set[str]:
    """Every way to write an option of a command, `--help` among them."""
    given = {text for each in command.params for text in (*each.opts, *each.secondary_opts)}
    return {text for text in given if text.startswith("-")} | {"--help", "-h"}


def _below(words: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name in group.list_commands(None):
        found = group.commands[name]
        if not hasattr(found, "commands"):
            yield f"{words} {name}", found
            continue
        if found.invoke_without_command:
            yield f"{words} {name}", found
        yield from _below(f"{words} {name}", found)


def _index(name: str, group: Any) -> str:
    """A table of the commands and what each does."""
    found = [(words, command.help.splitlines()[0]) for words, command in _below(name, group)]
    rows = [f"| [`{words}`](#{words.replace(' ', '-')}) | {text} |" for words, text in found]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def _section(words: str, command: Any) -> Iterator[str]:
    yield f"{HEADING}{words}"
    yield command.help
    usage = [words, *map(_usage, command.params), "[OPTIONS]"]
    yield "```text\n" + " ".join(word for word in usage if word) + "\n```"
    panels: dict[str, list[Any]] = {}
    for parameter in command.params:
        if not parameter.hidden:
            panels.setdefault(_panel(parameter), []).append(parameter)
    for title in sorted(panels, key=lambda title: title != "Arguments"):
        lines = [_row(parameter) for parameter in panels[title]]
        yield f"**{title}**"
        yield "\n".join(["| name | default | what |", "| --- | --- | --- |", *lines])
    yield command.epilog or ""


def _panel(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return parameter.rich_help_panel or "Options"


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = _metavar(parameter) + ("..." if parameter.nargs < 0 else "")
        return name if parameter.required else f"[{name}]"
    return f"{parameter.opts[0]} {_metavar(parameter)}" if parameter.required else ""


def _metavar(parameter: Any) -> str:
    return parameter.metavar or parameter.name.upper().replace("_", "-")


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = _metavar(parameter)
    else:
        name = "`, `".join([*parameter.opts, *parameter.secondary_opts])
    if parameter.required:
        default = "required"
    else:
        default = "" if parameter.default in NONE else f"`{parameter.default}`"
    what = (parameter.help or "").replace("|", "\\|")
    return f"| `{name}` | {default} | {what} |"
