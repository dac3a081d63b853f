"""Two processes that share each batch against one with the same batches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmark.methods.registry import load_method
from benchmark.protocol.budgets import Budget
from benchmark.training.distributed import World
from benchmark.training.run import Run
from benchmark.training.train import _need_trainable, train
from faceref.dataset.face_ref import FaceRef
from faceref.errors import FaceRefError

BUDGET = Budget("tiny", 12, 4, 1e-3, 2, 3, 2, max_references=2, precision="fp32")
SEED = 2
"""With it batches have two references, none and one."""
CODE = """
import sys
from pathlib import Path
from benchmark.training.train import train
from faceref.dataset.face_ref import FaceRef
from tests.benchmark.narrow import narrow_srcnn
from tests.benchmark.training.test_distributed import BUDGET, SEED

narrow_srcnn()
train(FaceRef.open(sys.argv[1]), sys.argv[2], BUDGET, Path(sys.argv[3]), seed=SEED)
threads = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
assert not [name for name in threads if "gloo" in name], threads
"""


@pytest.mark.parametrize(("method", "turned"), [("srcnn", 1e-3), ("masa_s", 0.05)])
def test_two_processes_end_where_one_does(
    tiny_face_ref: Path, tmp_path: Path, method: str, turned: float
):
    script = tmp_path / "train.py"
    script.write_text(CODE)
    train(FaceRef.open(tiny_face_ref), method, BUDGET, tmp_path / "one", seed=SEED)
    pair = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    path = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    command = [*pair, str(script), str(tiny_face_ref), method, str(tmp_path / "two")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    one, two = (Run(tmp_path / name) for name in ("one", "two"))
    assert (one.training()["processes"], two.training()["processes"]) == (1, 2)
    assert two.training()["losses"] == pytest.approx(one.training()["losses"], abs=1e-5)
    weights = [torch.load(run.checkpoint, weights_only=True)["model"] for run in (one, two)]
    apart = torch.cat([(v - weights[1][name]).abs().ravel() for name, v in weights[0].items()])
    # Adam's first steps go by the sign of a gradient, which rounding may turn where there is none:
    # of masa_s that is one weight in a hundred on a processor with AVX2 alone.
    assert (apart > 1e-5).float().mean() < turned
    assert apart.max() < 1e-3


def test_batches_that_cannot_be_shared_name_what_can():
    with pytest.raises(FaceRefError, match=r"batch of 16 .* by 5 .*--nproc_per_node 4"):
        World(0, 5).need_shares(16)
    World(0, 4).need_shares(16)


def test_a_loss_that_learns_is_trained_in_one_process():
    with pytest.raises(FaceRefError, match="without torchrun"):
        _need_trainable(load_method("esrgan_s"), FaceRef(Path("face_ref")), World(0, 2))


def test_torchrun_says_which_process_this_is(monkeypatch: pytest.MonkeyPatch):
    assert World.of_environment() == World(0, 1, 0)
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    world = World.of_environment()
    assert world == World(3, 4, 1)
    assert not world.leads
    assert world.device(torch.device("cuda")) == torch.device("cuda", 1)
