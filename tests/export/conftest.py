"""Exports that the tests of this folder share; none may change them."""

import pytest

from tests.export import cases


@pytest.fixture(scope="session")
def case():
    """Return a conditional convolutional generator with averaged parameters."""
    return cases.make("dcgan-conditional-averaged")


@pytest.fixture(scope="session")
def exported(case, tmp_path_factory):
    """Return the folder of its export."""
    folder = tmp_path_factory.mktemp("export") / "generator"
    case.export(folder, step=7, config={"steps": 10, "rate": 1e-3, "gamma": None})
    return folder
