"""`python -m faceref` is the command `faceref`."""

from faceref.cli.app import main

main()
