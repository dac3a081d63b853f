"""What tests of networks need of the processor."""

import pytest
import torch

from faceref.hardware import computes_bf16


@pytest.fixture(scope="session")
def native_bf16() -> None:
    """Skip where the processor only imitates bf16: that takes ten times as long and more."""
    if not computes_bf16(torch.device("cpu")):
        pytest.skip("this processor has no bf16, and imitates it too slowly")
