"""The faces of a set that references come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from faceref.dataset.store import AGAIN
from faceref.errors import FaceRefError


class Pool:
    """The faces that references come from: the train split, decoded when its images are used."""

    def __init__(
        self, images: np.ndarray | Callable[[Sequence[int] | None], np.ndarray], row: dict[str, int]
    ) -> None:
        """`images`, uint8 RGB (N, 128, 128, 3), or what reads those of some rows, or of all (None).

        `row` is that of each image id.
        """
        self._images, self.row = images, row

    @cached_property
    def images(self) -> np.ndarray:
        """uint8 RGB, (N, 128, 128, 3)."""
        return self._images(None) if callable(self._images) else self._images

    def part(self, rows: Sequence[int]) -> Pool:
        """A pool of the faces of ascending `rows` alone; the others are not decoded for it."""
        ids, read = list(self.row), self._images
        row = {ids[place]: at for at, place in enumerate(rows)}
        if not callable(read) or "images" in self.__dict__:
            return Pool(self.images[list(rows)], row)

        def read_some(wanted: Sequence[int] | None) -> np.ndarray:
            return read(rows if wanted is None else [rows[place] for place in wanted])

        return Pool(read_some, row)

    def place(self, image_id: str) -> int:
        """Row of a face; raises FaceRefError for a reference that is no face of the pool."""
        if image_id not in self.row:
            raise FaceRefError(f"The reference {image_id!r} is no face of train. {AGAIN}")
        return self.row[image_id]
