import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRAW = """
import os
from gan_jax.report import draw_curves
draw_curves([{"step": 0, "modes": 1.0}], "curves.png")
assert "MPLCONFIGDIR" not in os.environ
import matplotlib
print(matplotlib.get_configdir(), matplotlib.rcParams["lines.linewidth"])
"""


@pytest.mark.parametrize("has_settings", [False, True])
def test_matplotlib_makes_no_folder_for_its_settings_and_keeps_to_those_there_are(
    has_settings, tmp_path
):
    config = tmp_path / "home" / ".config" / "matplotlib"
    (tmp_path / "home").mkdir()
    if has_settings:
        config.mkdir(parents=True)
        (config / "matplotlibrc").write_text("lines.linewidth: 7")
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("XDG_", "MPL"))}
    done = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**kept, "HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT),
             "GAN_JAX_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    folder, width = done.stdout.split()
    if has_settings:
        assert (folder, width) == (str(config), "7.0")
    else:
        assert (folder, width) == (str(tmp_path / "cache" / "matplotlib"), "1.5")
        assert list((tmp_path / "home").iterdir()) == []
