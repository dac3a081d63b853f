"""How both command lines report errors."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from faceref.errors import FaceRefError


class CommandGroup(TyperGroup):
    """A command group that shows a FaceRefError as one line and ends with status 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except FaceRefError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            typer.echo("interrupted; give the same command again to go on", err=True)
            raise typer.Exit(130) from None
