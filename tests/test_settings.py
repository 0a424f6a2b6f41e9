from dataclasses import dataclass
from typing import Literal

import pytest

from gan_jax.errors import UsageError
from gan_jax.settings import choose_dataset, from_json


@dataclass(frozen=True)
class Settings:
    steps: int | None = None
    rate: float = 0.1
    gamma: tuple[float, float] | None = None
    names: tuple[str, ...] = ()
    model: Literal["small", "large"] = "small"
    deep: bool = False

    def __post_init__(self):
        if self.rate <= 0:
            raise UsageError("rate must be above 0")


def test_what_json_says_becomes_settings():
    values = {
        "steps": 3,
        "rate": 1,
        "gamma": [1, 0.5],
        "names": ["a"],
        "model": "large",
        "deep": True,
    }
    assert vars(from_json(Settings, values)) == values
    assert from_json(Settings, {"steps": None, "gamma": None}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 1.5), ("steps", "3"), ("steps", True), ("steps", [3]), ("steps", {}),
        ("rate", "0.1"), ("rate", None), ("rate", False), ("rate", [0.1]),
        ("gamma", 1), ("gamma", [1]), ("gamma", [1, 2, 3]), ("gamma", [1, "2"]), ("gamma", "12"),
        ("names", "ab"), ("names", [1]), ("names", None),
        ("model", "medium"), ("model", None), ("model", []),
        ("deep", 1), ("deep", "yes"), ("deep", None),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_named(name, value):
    with pytest.raises(UsageError, match=f"^'{name}' is .*: it must be "):
        from_json(Settings, {name: value})


def test_other_names_and_ranges_are_refused():
    with pytest.raises(UsageError, match=r"^'stepz' is unknown: there are steps, rate"):
        from_json(Settings, {"stepz": 1})
    with pytest.raises(UsageError, match="rate must be above 0"):
        from_json(Settings, {"rate": -1})


def test_notes_that_are_no_lines_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"config": {"dataset": "a"}, "notes": 3}')
    with pytest.raises(UsageError, match=r"config.json is damaged \(notes are 3\)"):
        choose_dataset("auto", tmp_path)
