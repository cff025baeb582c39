import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from flask_ctxfix.entry_points import entry_points, load

GROUP = "flask_ctxfix.codemods"
PACK = """
[console_scripts]
pack = pack:main

[flask_ctxfix.codemods]
# the rules
second=pack.other:holder.codemod [extra]
first = pack

[flask_ctxfix.codemods.not]
third = pack
"""


def _as_metadata_says(group: str) -> list[tuple[str, str]]:
    return sorted((each.name, each.value) for each in metadata.entry_points(group=group))


def _pack(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "METADATA").write_text("Metadata-Version: 2.1\nName: pack\nVersion: 1\n")
    (folder / name / "entry_points.txt").write_text(text)


def test_our_own_families_are_found() -> None:
    names = [name for name, _ in entry_points(GROUP)]
    assert {"jobs", "manual_contexts", "removed_apis", "threads"} <= {*names}


@pytest.mark.parametrize("group", [GROUP, "console_scripts", "pytest11", "none"])
def test_what_is_installed_is_what_metadata_finds(group: str) -> None:
    assert entry_points(group) == _as_metadata_says(group)


@pytest.mark.parametrize("name", ["My.Pack-1.0.dist-info", "my_pack.egg-info"])
def test_a_pack_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _pack(tmp_path / "one", name, PACK)
    _pack(tmp_path / "two", "my_pack-0.9.dist-info", "[flask_ctxfix.codemods]\nold = pack.old\n")
    path = [str(tmp_path / "one"), str(tmp_path / "no"), str(tmp_path / "two")]
    monkeypatch.setattr(sys, "path", path)
    found = entry_points(GROUP)
    assert found == [("first", "pack"), ("second", "pack.other:holder.codemod [extra]")]
    assert found == _as_metadata_says(GROUP)


def test_a_pack_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pack(tmp_path, "pack-1.dist-info", PACK)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in (tmp_path / "pack-1.dist-info").iterdir():
            archive.write(file, f"pack-1.dist-info/{file.name}")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "all.zip")])
    assert [name for name, _ in entry_points(GROUP)] == ["first", "second"]


def test_what_a_value_names() -> None:
    assert load("pathlib") is sys.modules["pathlib"]
    assert load("pathlib:Path.cwd [extra]") == Path.cwd
    with pytest.raises(ValueError, match="names no object"):
        load("not a module")
