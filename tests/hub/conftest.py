from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.hub.server import TOKEN, Hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub that the real client of this process talks to, without waiting between attempts."""
    import huggingface_hub.constants as constants
    import huggingface_hub.utils._http as http

    with Hub(tmp_path / "hub") as opened:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, opened.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", opened.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setattr(http, "time", SimpleNamespace(sleep=lambda _: None, time=lambda: 0.0))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("TQDM_DISABLE", "1")
        yield opened
