"""The command line `faceref`."""
