"""Build Face_Ref: look-alike reference faces of other people, for face super-resolution."""

__version__ = "0.1.0"
