"""The error of a training whose loss is no number any more."""

from faceref.errors import FaceRefError


class DivergedError(FaceRefError):
    """A training diverged: its learning rate is too high."""
