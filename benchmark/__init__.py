"""One protocol for x8 face super-resolution with and without reference faces."""
