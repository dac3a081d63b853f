"""Outputs: what may be replaced, whose it is while it is made, and if it can be written."""
