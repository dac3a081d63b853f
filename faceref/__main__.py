"""`python -m faceref` is the command `faceref`."""

from faceref.cli import main

main()
