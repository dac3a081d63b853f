"""Polygon meshes: Catmull-Clark subdivision as a matrix, normals, random surface points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

Array = np.ndarray


def triangles(quads: Array) -> Array:
    """Two triangles per quad: (F, 4) indices to (2F, 3)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def unit(vectors: Array) -> Array:
    """`vectors` (..., 3) scaled to length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def normals(vertices: Array, faces: Array) -> Array:
    """Area-weighted unit vertex normals, (V, 3), of triangles (F, 3)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.repeat(np.cross(b - a, c - a), 3, axis=0)
    corner = faces.ravel()
    total = [np.bincount(corner, area[:, k], len(vertices)) for k in range(3)]
    return unit(np.stack(total, axis=1))


@dataclass(frozen=True, slots=True)
class Edges:
    """The undirected edges of a quad mesh."""

    ends: Array
    """Vertex indices, (E, 2)."""
    of_face: Array
    """Edge index of each quad side, (F, 4)."""
    faces: list[list[int]]
    """Quads on each edge: one on a boundary, two inside."""


def edges_of(quads: Array) -> Edges:
    """Every edge of `quads` (F, 4) once."""
    index: dict[tuple[int, int], int] = {}
    faces: list[list[int]] = []
    of_face = np.zeros(quads.shape, dtype=np.int64)
    for i, quad in enumerate(quads.tolist()):
        for k in range(4):
            a, b = quad[k], quad[(k + 1) % 4]
            j = index.setdefault((min(a, b), max(a, b)), len(index))
            if j == len(faces):
                faces.append([])
            faces[j].append(i)
            of_face[i, k] = j
    return Edges(np.array(list(index)), of_face, faces)


def _incidence(rows: Array, columns: Array, values: Array, shape: tuple[int, int]) -> Any:
    return sparse.csr_matrix((values, (rows, columns)), shape)


def _row_mean(matrix: Any) -> Any:
    count = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    return sparse.diags(1 / count) @ matrix


def subdivide(count: int, quads: Array) -> tuple[Any, Array]:
    """One Catmull-Clark step (Catmull and Clark 1978) with cubic B-splines on boundaries.

    Returns the sparse matrix (V + E + F, V) that maps old to new vertices, and the new quads.
    """
    edges = edges_of(quads)
    n_edges, n_faces = len(edges.ends), len(quads)
    face = np.repeat(np.arange(n_faces), 4)
    face_points = _incidence(face, quads.ravel(), np.full(face.shape, 0.25), (n_faces, count))
    end = np.repeat(np.arange(n_edges), 2)
    middle = _incidence(end, edges.ends.ravel(), np.full(end.shape, 0.5), (n_edges, count))
    sides = np.array([len(f) for f in edges.faces])
    edge_points = _edge_points(edges, sides, middle, face_points)
    vertex_points = _vertex_points(count, quads, edges, sides, middle, face_points)
    old, mid, centre = quads, count + edges.of_face, count + n_edges + np.arange(n_faces)
    new = [np.stack([old[:, k], mid[:, k], centre, mid[:, k - 1]], axis=1) for k in range(4)]
    return sparse.vstack([vertex_points, edge_points, face_points]).tocsr(), np.concatenate(new)


def _edge_points(edges: Edges, sides: Array, middle: Any, face_points: Any) -> Any:
    inner = np.where(sides == 2, 0.5, 0.0)
    rows, columns = np.repeat(np.arange(len(sides)), sides), np.concatenate(edges.faces)
    shape = (len(sides), face_points.shape[0])
    touching = _row_mean(_incidence(rows, columns, np.ones(len(rows)), shape))
    return sparse.diags(1 - inner) @ middle + sparse.diags(inner) @ touching @ face_points


def _vertex_points(
    count: int, quads: Array, edges: Edges, sides: Array, middle: Any, face_points: Any
) -> Any:
    face = np.repeat(np.arange(len(quads)), 4)
    around = _incidence(quads.ravel(), face, np.ones(face.shape), (count, len(quads)))
    end = np.repeat(np.arange(len(edges.ends)), 2)
    star = _incidence(edges.ends.ravel(), end, np.ones(end.shape), (count, len(edges.ends)))
    n = np.maximum(np.asarray(around.sum(axis=1)).ravel(), 1)
    inside = (
        sparse.diags(1 / n) @ _row_mean(around) @ face_points
        + sparse.diags(2 / n) @ _row_mean(star) @ middle
        + sparse.diags((n - 3) / n)
    )
    rim = np.flatnonzero(sides == 1)
    border = 0.5 * sparse.identity(count) + 0.5 * _row_mean(star[:, rim]) @ middle[rim]
    on_rim = np.zeros(count)
    on_rim[edges.ends[rim].ravel()] = 1
    return sparse.diags(1 - on_rim) @ inside + sparse.diags(on_rim) @ border


@dataclass(frozen=True, slots=True)
class SurfacePoints:
    """Random points on a triangle mesh."""

    faces: Array
    """Triangle of each point, (N,)."""
    weights: Array
    """Barycentric weights, (N, 3)."""

    def of(self, values: Array, triangles: Array) -> Array:
        """Vertex `values` (V, C) interpolated at the points, (N, C)."""
        return (values[triangles[self.faces]] * self.weights[..., None]).sum(axis=1)


def sample_surface(
    rng: np.random.Generator, vertices: Array, faces: Array, density: Array, count: int
) -> SurfacePoints:
    """`count` points with probability proportional to area times vertex `density` (V,)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) * density[faces].mean(axis=1)
    area = np.where(density[faces].min(axis=1) > 0.02, area, 0)
    total = np.cumsum(area)
    chosen = np.searchsorted(total, rng.uniform(0, total[-1], count)).clip(0, len(faces) - 1)
    return SurfacePoints(chosen, rng.dirichlet([1, 1, 1], count))
