"""What names stand for across files, compared with what Python itself makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.names.layouts import EXACT, NOT_WRONG
from tests.names.python_names import Asked, by_python


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, str]]]:
    root = tmp_path_factory.mktemp("layouts")
    every = {**EXACT, **NOT_WRONG}
    roots = {name: root / str(number) for number, name in enumerate(every)}
    for name, layout in every.items():
        layout.write(roots[name])
    found = by_python({roots[name]: layout for name, layout in every.items()})
    return {name: (roots[name], each) for name, each in zip(every, found, strict=True)}


@pytest.mark.parametrize("name", [*EXACT, *NOT_WRONG])
def test_names_are_those_of_python(
    answers: dict[str, tuple[Path, dict[str, str]]], name: str
) -> None:
    root, found = answers[name]
    layout = EXACT.get(name) or NOT_WRONG[name]
    assert "error" not in found, found
    for where, value in found.items():
        asked = Asked(layout.write(root), root, where)
        assert asked.may_be(value), f"{where}: Python has {value}, not {asked!r}"
        if name in EXACT and layout.exact:
            assert asked.is_exactly(value), f"{where}: Python has {value}, not only {asked!r}"
