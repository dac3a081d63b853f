import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faceref.arrays import map_array, write_array


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 3)])
def test_blocks_come_back_as_one_array(tmp_path: Path, shape: tuple[int, ...]):
    whole = np.random.default_rng(0).integers(0, 255, (7, *shape), dtype=np.uint8)
    path = tmp_path / "folder" / "faces.npy"
    found = write_array(path, 7, (whole[start : start + 3] for start in range(0, 7, 3)))
    np.testing.assert_array_equal(found, whole)
    np.testing.assert_array_equal(np.load(path), whole)
    assert found.dtype == np.uint8


def test_what_is_written_to_it_does_not_reach_the_file(tmp_path: Path):
    found = write_array(tmp_path / "a.npy", 2, [np.zeros((2, 2), np.float32)])
    found += 1
    assert not map_array(tmp_path / "a.npy").any()


def test_a_full_disk_is_one_line(tmp_path: Path):
    code = (
        "import resource, signal; import numpy as np; from pathlib import Path\n"
        "from faceref.arrays import write_array; from faceref.errors import UnwritableError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_array(Path('a.npy'), 9, [np.zeros((9, 1000))])\n"
        "except UnwritableError as error: print('said:', error)\n"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.startswith("said: Cannot write a.npy")
    assert not list(tmp_path.iterdir())


def test_too_few_rows_leave_no_file(tmp_path: Path):
    with pytest.raises(AssertionError):
        write_array(tmp_path / "a.npy", 3, [np.zeros(2)])
    assert not list(tmp_path.iterdir())
