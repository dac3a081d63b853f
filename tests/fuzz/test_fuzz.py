"""Short runs of the fuzzers; the long ones are committed as `reports/reliability/*.json`."""

from tests.fuzz import images


def test_no_mutated_image_escapes_the_decoder():
    tallies = images.fuzz(450, seed=1)
    assert {"JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"} <= set(tallies)
    for kind, tally in tallies.items():
        assert tally.escaped == 0, (kind, tally.reasons)
        assert tally.tried == tally.right + tally.refused
        assert tally.right, kind
        assert tally.refused, kind
        assert tally.peak_mb < 1024
