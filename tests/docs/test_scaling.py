"""The page on scaling says what was counted."""

import json

import pytest

from docs import scaling

RESULTS = json.loads(scaling.RESULTS.read_text(encoding="utf-8"))


def test_the_page_is_that_of_the_results():
    committed = scaling.PATH.read_text(encoding="utf-8")
    assert committed == scaling.page(RESULTS), "python -m docs.scaling makes it anew"


def test_gradients_of_all_parameters_are_averaged_and_little_else_is_sent():
    for preset in RESULTS["presets"].values():
        gradients = 4 * sum(preset["parameters"].values())
        averaged = sum(
            each["count"] * each["bytes"]
            for each in preset["collectives"]
            if each["opcode"] == "all-reduce"
        )
        assert gradients <= averaged < 1.02 * gradients
        assert averaged <= preset["bytes"] < 1.01 * averaged


def test_figures_by_hand():
    preset = {
        "batch_size": 64, "parameters": {"generator": 10, "discriminator": 20},
        "collectives": [{"opcode": "all-reduce", "count": 1.0, "arrays": 3, "bytes": 12_500_000,
                         "sent": 18_750_000, "largest": "f32[9]"}],
        "bytes": 12_500_000, "sent": 18_750_000, "flops": 18.75e9, "bytes_accessed": 0.0,
    }  # fmt: skip
    page = scaling.page({"devices": 4, "jax": "1", "presets": {"x": preset}})
    # 18.75 MB at 12.5 GB/s; 1,000 operations a byte, of 985 that a v5e does in that time.
    assert "| x | 18.75 MB | 1.5 ms | 0.75 ms | 0.0938 ms |" in page
    assert "| x | 18.8 GFLOP | 1,000 | 63 | 49 |" in page
    assert "| x | 64 | 30 | all-reduce | 1 | 3 | `f32[9]` | 12,500,000 |" in page


@pytest.mark.parametrize("link", scaling.LINKS, ids=lambda link: link.name)
def test_every_link_has_its_vendor_for_a_source(link):
    assert link.source.startswith(("https://docs.nvidia.com/", "https://docs.cloud.google.com/"))
    assert link.source in scaling.PATH.read_text(encoding="utf-8")
