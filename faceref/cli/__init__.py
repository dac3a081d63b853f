"""The command line `faceref`: each command parses, calls `faceref.api` and prints."""
