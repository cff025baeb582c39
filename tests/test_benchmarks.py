"""The generators of the benchmarks make what can be measured."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import generated

    yield generated
    del sys.modules["generated"]


def test_an_application_is_the_same_each_time_and_another_for_each_seed(
    generated: ModuleType,
) -> None:
    first = generated.application(40, seed=1, package="shop")
    assert len(first) == 40
    assert first == generated.application(40, seed=1, package="shop")
    assert first.keys() != generated.application(40, seed=2, package="shop").keys()


def test_modules_import_each_other_and_parse(generated: ModuleType) -> None:
    files = generated.application(40, seed=1, package="shop")
    imported = set()
    for name, text in files.items():
        for node in ast.walk(ast.parse(text, name)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shop."):
                imported.add(f"{node.module.removeprefix('shop.')}.py")
    assert len(imported) > 20
    assert imported < files.keys()


def test_of_mixed_files_a_share_uses_flask(generated: ModuleType) -> None:
    files = generated.mixed(500, 0.1, seed=1)
    trees = {name: ast.parse(text, name) for name, text in files.items()}
    assert len(trees) == 500
    flask = {name.partition("/")[0] for name, text in files.items() if "from flask" in text}
    assert len(flask) == 1


def test_a_large_file_has_its_lines_and_parses(generated: ModuleType) -> None:
    text = generated.large_file(2_000, seed=1)
    assert 2_000 <= text.count("\n") < 2_200
    functions = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert len(functions) == len({*functions})
