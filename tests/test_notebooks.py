"""The notebooks in `examples/` run from top to bottom, and are committed with their outputs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import faceref

EXAMPLES = Path(__file__).parents[1] / "examples"
ORDER = ("quickstart", "bring_your_method")
"""The second opens the set that the first builds."""
BUILT = 'faceref.build(source="sample", embedder="dlib", out="face_ref", progress=False)'
OPENED = 'faceref.open("face_ref")'
EPOCHS = ("range(3)", "range(1)")
"""Of the network that the second trains: one shows that it runs."""
FIVE = "assert len(result.faces[0].references) == 5"

nbformat = pytest.importorskip("nbformat", reason="no nbformat: pip install 'face-ref[dev]'")
nbclient = pytest.importorskip("nbclient", reason="no nbclient: pip install 'face-ref[dev]'")


def _read(name: str):
    return nbformat.read(EXAMPLES / f"{name}.ipynb", nbformat.NO_CONVERT)


def _code(name: str):
    return [cell for cell in _read(name).cells if cell.cell_type == "code"]


def test_all_notebooks_are_tried():
    assert sorted(path.stem for path in EXAMPLES.glob("*.ipynb")) == sorted(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_notebook_is_committed_as_it_ran(name: str):
    cells = _code(name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert cells[-1].outputs
    assert not [out for cell in cells for out in cell.outputs if out.output_type == "error"]
    assert len((EXAMPLES / f"{name}.ipynb").read_bytes()) < 1_500_000


@pytest.mark.slow
def test_notebooks_run(tmp_path: Path, sample_build: Path):
    """But for one call, as the set that it builds is there, and for two epochs of three."""
    assert BUILT in (faceref.build.__doc__ or "")
    shutil.copytree(sample_build, tmp_path, dirs_exist_ok=True)
    for name in ORDER:
        notebook = _read(name)
        for cell in notebook.cells:
            cell.source = cell.source.replace(BUILT, OPENED).replace(*EPOCHS)
        assert any(OPENED in cell.source for cell in notebook.cells)
        if name == "quickstart":  # Its text says so.
            notebook.cells.append(nbformat.v4.new_code_cell(FIVE))
        client = nbclient.NotebookClient(
            notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}
        )
        client.execute()
    assert (tmp_path / "results").is_dir()
