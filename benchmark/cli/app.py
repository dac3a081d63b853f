"""The command line `facebench`, in panels. Heavy imports happen inside the commands."""

from __future__ import annotations

import typer

from benchmark.cli import adapt, evaluate, know, report, serve, studies, suite, train, upscale
from faceref.cli.group import CommandGroup, Version

ORDER = (
    *("train", "evaluate", "suite", "adapt", "upscale", "app"),
    *("leaderboard", "plot", "site", "validate", "card"),
    *("study", "methods", "protocol", "score", "weights", "export"),
)


class Ordered(CommandGroup):
    """Lists the commands in the order of `ORDER`; typer puts groups last."""

    def list_commands(self, ctx: typer.Context) -> list[str]:
        """Names of all commands."""
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    cls=Ordered,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def facebench(version: Version = False) -> None:
    """Benchmark face super-resolution, x8, with and without reference faces."""


RUN, READ, STUDY, KNOW = "Run", "Read results", "Study", "Know"
app.command(epilog=train.TRAIN, rich_help_panel=RUN)(train.train)
app.command(epilog=evaluate.EVALUATE, rich_help_panel=RUN)(evaluate.evaluate)
app.command(epilog=suite.SUITE, rich_help_panel=RUN)(suite.suite)
app.command(epilog=adapt.ADAPT, rich_help_panel=RUN)(adapt.adapt)
app.command(epilog=upscale.UPSCALE, rich_help_panel=RUN)(upscale.upscale)
app.command("app", epilog=serve.APP, rich_help_panel=RUN)(serve.serve_app)
app.command(rich_help_panel=READ)(report.leaderboard)
app.command(epilog=report.PLOT, rich_help_panel=READ)(report.plot)
app.command(epilog=report.SITE, rich_help_panel=READ)(report.site)
app.command(epilog=report.VALIDATE, rich_help_panel=READ)(report.validate)
app.command(epilog=report.CARD, rich_help_panel=READ)(report.card)
app.add_typer(studies.app, name="study", rich_help_panel=STUDY)
app.command(rich_help_panel=KNOW)(know.methods)
app.command(rich_help_panel=KNOW)(know.protocol)
app.command(rich_help_panel=KNOW)(know.score)
app.add_typer(know.weights, name="weights", rich_help_panel=KNOW)
app.command(rich_help_panel=KNOW)(know.export)
