"""The command line `facebench`."""
