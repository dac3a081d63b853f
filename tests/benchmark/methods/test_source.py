"""The digest of a method's source sees its files, and no others."""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from benchmark.methods import source
from benchmark.methods.entry_points import GROUP, Outside
from benchmark.methods.registry import built_in, load_method
from benchmark.methods.source import source_digest

OWN = {
    "__init__": "from .network import METHOD",
    "network": "from functools import partial\nfrom . import layers as own\nMETHOD = 1",
    "layers": "import ownnet.deep.depth\nfrom os import path\nfrom ownnet.deep.depth import DEPTH",
    "deep/__init__": "",
    "deep/depth": "def loss():\n    from ..late import loss\n    return loss()\nDEPTH = 1",
    "late": "import elsewhere\nloss = elsewhere.loss",
    "apart": "from .network import METHOD",
}


def test_what_is_read_of_built_in_methods():
    """Each has a digest of its own, of shared layers, and of what it is a smaller size of."""
    found = {name: source_digest(load_method(name)) for name in built_in()}
    assert len(set(found.values())) == len(found)
    assert source_digest(load_method("msrnet-no-error")) == found["msrnet"]
    assert set(source._files("baselines.srcnn")) == {"baselines.srcnn"}
    shared = {"_adversarial", "_layers", "_perceptual", "sparnet", "sparnet_s"}
    assert set(source._files("baselines.sparnet_s")) == {f"baselines.{name}" for name in shared}
    assert {"baselines.msrnet", "baselines.msrnet.worlds", "baselines._layers"} <= set(
        source._files("baselines.msrnet")
    )


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of its own, imported."""
    for name, text in {**OWN, "../elsewhere": "loss = int"}.items():
        path = tmp_path / "ownnet" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = EntryPoint("ownnet", "ownnet.network:METHOD", GROUP)
    offered = {"ownnet": [Outside("ownnet", "ownnet", "1.2", entry)]}
    monkeypatch.setattr(source, "offered", lambda: offered)
    importlib.import_module("ownnet.network")
    yield tmp_path / "ownnet"
    for name in [name for name in sys.modules if name.partition(".")[0] == "ownnet"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("network", True),
        ("layers", True),
        ("deep/depth", True),
        ("late", True),
        ("__init__", True),
        ("apart", False),
        ("../elsewhere", False),
    ],
)
def test_what_a_method_imports_of_its_package_counts(own: Path, changed: str, counts: bool):
    method = replace(load_method("srcnn"), name="ownnet")
    before = source_digest(method)
    file = own / f"{changed}.py"
    file.write_text(f"{file.read_text()}\n# changed")
    assert (source_digest(method) != before) is counts
