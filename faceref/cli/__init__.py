"""The command line `faceref`: each command parses, calls the API and prints."""
