"""Runs that the tests of this folder share; none may change them."""

import pytest

from tests.commands import cases


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Return a folder with a run of each model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.getbasetemp() / "gan_jax_cache"))
        folder = tmp_path_factory.mktemp("runs")
        for model in ("styled", "plain", "labelled", "odd"):
            cases.make_run(folder / model, model)
    return folder
