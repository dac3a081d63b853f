"""`python -m faceref` is the command `faceref`."""

from faceref.cli.app import app

app()
