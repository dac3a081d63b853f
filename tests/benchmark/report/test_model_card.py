from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.report.model_card import write_card
from benchmark.results.files import read_all
from benchmark.results.result import Result
from faceref.errors import FaceRefError
from faceref.release.policy import Licence

REPORTS = Path(__file__).resolve().parents[3] / "reports" / "results"
TERMS = Licence("cc-by-nc-4.0")


@pytest.fixture(scope="module")
def results() -> list[Result]:
    found = [result for result in read_all(REPORTS) if result.task == "sample-x8@1"]
    few = slice(0, 5)
    return [
        replace(
            result,
            images=5,
            image_ids=result.image_ids[few],
            scores={metric: values[few] for metric, values in result.scores.items()},
            means={
                metric: float(np.mean(np.array(v[few], float)))
                for metric, v in result.scores.items()
            },
        )
        for result in found
    ]


def test_every_number_of_the_card_is_of_the_results(results: list[Result]):
    text = write_card(results, "msrnet", TERMS)
    header = yaml.safe_load(text.split("---\n")[1])
    own = [result for result in results if result.method == "msrnet"]
    (entry,) = header["model-index"][0]["results"]
    measured = {item["name"]: item["value"] for item in entry["metrics"]}
    for result in own:
        k = f"K={result.references}" + (f", {result.reference_list}" if result.references else "")
        assert measured[f"PSNR, Y: MSRNet ({k})"] == round(result.means["psnr_y"], 4)
        assert f"| MSRNet ({k}) | {result.means['psnr_y']:.2f} dB |" in text
    assert own[0].training is not None
    assert own[0].training["weights_sha256"] in text
    assert "| Bicubic | " in text
    assert header["license"] == "cc-by-nc-4.0"


def test_the_card_says_what_the_output_is_not(results: list[Result]):
    text = write_card(results, "edsr", Licence("other", "mine", "https://example.org"))
    assert "hallucinated" in text
    assert "must not serve to\nidentify" in text
    assert "license_name: mine" in text
    assert "and references of other people" not in text.partition("## Results")[0]


def test_results_of_several_weights_need_a_choice(results: list[Result]):
    def trained(result: Result, weights: str) -> Result:
        return replace(result, training={**(result.training or {}), "weights_sha256": weights * 64})

    own = [result for result in results if result.method == "edsr"]
    both = [trained(result, weights) for result in own for weights in "ab"]
    with pytest.raises(FaceRefError, match=r"Several weights of edsr.*aaaaaaaaaaaa, bbbbbbbbbbbb"):
        write_card(both, "edsr", TERMS)
    assert "b" * 64 in write_card(both, "edsr", TERMS, "bb")
    with pytest.raises(FaceRefError, match="No weights of edsr in the results begin with c"):
        write_card(both, "edsr", TERMS, "c")
    with pytest.raises(FaceRefError, match="Did you mean 'edsr'"):
        write_card(both, "esdr", TERMS)


def test_the_command_writes_the_card_and_needs_a_licence(tmp_path: Path):
    out = tmp_path / "card.md"
    command = ["card", str(REPORTS), "-m", "srcnn", "--out", str(out)]
    assert CliRunner().invoke(app, command).exit_code == 2
    trained = [row for row in read_all(REPORTS) if row.method == "srcnn" and row.training]
    weights = (trained[0].training or {})["weights_sha256"][:8]
    command += ["--licence", "cc-by-nc-4.0", "--weights", weights]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert out.read_text().startswith("---\n")
    assert [path.name for path in tmp_path.iterdir()] == ["card.md"]
