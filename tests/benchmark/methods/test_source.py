"""The digest of a method's source sees its files, and no others."""

import importlib
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from benchmark.methods.registry import load_method
from benchmark.methods.source import source_digest

NETWORK = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.body = nn.Conv2d(3, width, 1)
"""


def test_methods_differ_and_sizes_of_one_do_not():
    found = {name: source_digest(load_method(name)) for name in ("srcnn", "edsr", "msrnet")}
    assert len(set(found.values())) == 3
    assert source_digest(load_method("sparnet")) == source_digest(load_method("sparnet_s"))


def test_every_file_of_a_package_of_its_own_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "ownnet"
    package.mkdir()
    for name, text in (("__init__", ""), ("network", NETWORK), ("worlds", "DEPTH = 1")):
        (package / f"{name}.py").write_text(text)
    (tmp_path / "elsewhere.py").write_text("WIDTH = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    network = importlib.import_module("ownnet.network")
    method = replace(load_method("srcnn"), build=partial(network.Net, 8))
    before = source_digest(method)
    (tmp_path / "elsewhere.py").write_text("WIDTH = 2")
    assert source_digest(method) == before
    (package / "worlds.py").write_text("DEPTH = 2")
    assert source_digest(method) != before
    for name in [name for name in sys.modules if name.startswith("ownnet")]:
        del sys.modules[name]
