"""Methods of other people's packages, installed as such."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.methods import registry as methods
from benchmark.methods.registry import built_in, load_method, method_names, origin, package_of
from faceref.errors import FaceRefError

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "custom_method"
ROOT = EXAMPLE.parents[1]
METHOD = """
from dataclasses import replace
from benchmark.methods.method import Method
from benchmark.methods.method import Variant
from benchmark.methods.registry import load_method
METHOD = replace(load_method("bicubic"), name={name!r}, title="Mine",
                 variants=(Variant("twice", load_method("bicubic").build),))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that packages can be put into, as pip would."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("made_up"):
            del sys.modules[name]


def _install(site: Path, package: str, name: str, code: str, target: str = "METHOD") -> None:
    module = f"made_up_{package}"
    (site / f"{module}.py").write_text(code)
    info = site / f"{package}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    entry = f"[facebench.methods]\n{name} = {module}:{target}\n"
    (info / "entry_points.txt").write_text(entry)


def test_a_method_is_listed_without_being_imported(site: Path):
    _install(site, "theirs", "their_net", METHOD.format(name="their_net"))
    _install(site, "broken", "broken_net", "raise RuntimeError('no GPU')")
    assert set(method_names()) - set(built_in()) >= {"their_net", "broken_net"}
    assert not [name for name in sys.modules if name.startswith("made_up")]
    assert load_method("their_net").title == "Mine"
    assert "made_up_theirs" in sys.modules
    assert "made_up_broken" not in sys.modules
    assert (origin("their_net"), origin("edsr")) == ("theirs 1.2", "built in")


def test_a_variant_of_theirs_is_found(site: Path):
    _install(site, "theirs", "their_net", METHOD.format(name="their_net"))
    assert load_method("their_net-twice").title == "Mine, twice"
    assert package_of("their_net-twice") == {"theirs": "1.2"}
    with pytest.raises(FaceRefError, match="Choose from: their_net, their_net-twice"):
        load_method("their_net-thrice")


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("mine", "METHOD = 3", r"package theirs 1\.2: made_up_theirs:METHOD is 'int'"),
        ("mine", METHOD.format(name="other"), "calls itself 'other', its entry point 'mine'"),
        ("mine", "import made_up_nowhere", "theirs 1.2: .* ModuleNotFoundError: .*made_up_nowhere"),
        ("mine", "other = 1", "cannot be imported: AttributeError"),
        ("mine", "def (", "cannot be imported: SyntaxError"),
        ("edsr", METHOD.format(name="edsr"), "theirs 1.2 has the name of a built-in method"),
        ("my-net", METHOD.format(name="my-net"), "a name that is not allowed"),
    ],
)
def test_a_package_that_does_not_keep_to_it_is_named(
    site: Path, name: str, code: str, expected: str
):
    _install(site, "theirs", name, code)
    with pytest.raises(FaceRefError, match=expected):
        load_method(name)


def test_one_name_of_two_packages_names_both(site: Path):
    for package in ("ours", "theirs"):
        _install(site, package, "net", METHOD.format(name="net"))
    with pytest.raises(FaceRefError, match=r"several packages: ours 1\.2, theirs 1\.2"):
        load_method("net")


def test_the_list_says_where_each_comes_from_and_what_is_broken(
    site: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(methods, "built_in", lambda: ["bicubic"])
    monkeypatch.setenv("COLUMNS", "200")
    _install(site, "theirs", "their_net", METHOD.format(name="their_net"))
    _install(site, "broken", "broken_net", "raise RuntimeError('no GPU')")
    found = CliRunner().invoke(app, ["methods"])
    assert found.exit_code == 0, found.output
    rows = [line for line in found.output.splitlines() if "Keys, IEEE" in line]
    assert ["bicubic" in row and "built in" in row for row in rows] == [True, False]
    assert "their_net" in rows[1]
    assert "theirs 1.2" in rows[1]
    assert "Not usable: Method 'broken_net' of the package broken 1.2" in found.output


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that has the example package."""
    pytest.importorskip("pip")
    site = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    _run([sys.executable, "-m", "pip", "install", *options, "--target", str(site), str(EXAMPLE)])
    path = os.pathsep.join([str(site), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}


def _run(command: list[str], **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


CODE = """
import sys
from benchmark.methods.registry import load_method
from benchmark.methods.registry import method_names
from benchmark.methods.registry import origin
assert "shuffle" in method_names()
assert "custom_method" not in sys.modules
assert origin("shuffle") == "custom-method 0.1.0"
from benchmark.cli.app import app
face_ref, out = sys.argv[1:]
app(["train", face_ref, "--method", "shuffle", "--budget", "debug", "--out", out + "/run"],
    standalone_mode=False)
app(["evaluate", face_ref, "--method", "shuffle", "--weights", out + "/run",
     "--results", out + "/results"], standalone_mode=False)
"""


def test_the_example_is_installed_listed_trained_and_scored(
    installed: dict[str, str], tiny_face_ref: Path, tmp_path: Path
):
    _run([sys.executable, "-c", CODE, str(tiny_face_ref), str(tmp_path)], env=installed)
    (file,) = (tmp_path / "results").rglob("*.json")
    found = json.loads(file.read_text())
    assert (found["method"], found["budget"], found["images"]) == ("shuffle", "debug", 6)
    assert found["versions"]["custom-method"] == "0.1.0"
    assert found["means"]["psnr_y"] > 20
