"""A small network that reads identity off the 16x16 face, trained for one set."""
