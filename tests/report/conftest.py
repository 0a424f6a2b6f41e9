import pytest
from matplotlib.figure import Figure


@pytest.fixture
def figures(monkeypatch):
    """Collect the figures that are drawn."""
    saved = []
    save = Figure.savefig

    def savefig(self, *args, **kwargs):
        saved.append(self)
        save(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved
