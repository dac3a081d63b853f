"""`python -m benchmark` is the command `facebench`, for `torchrun -m benchmark`."""

from benchmark.cli.app import app

app(prog_name="facebench")
