"""Settings: defaults, below ``[tool.flask-ctxfix]`` of a pyproject.toml, below options."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from flask_ctxfix.discovery import DEFAULT_EXCLUDE
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.folders import folder_of, project_of
from flask_ctxfix.records import Record, replace

OUTPUT_FORMATS = ("text", "concise", "json")
THREAD_FIXES = ("safest", "wrap", "values")

_TABLE = "flask-ctxfix"
_PREFIX = re.compile(r"[A-Z]+[0-9]*")


class SettingsError(Exception):
    """A setting that is wrong, in one line that says where it stands."""


class Settings(Record):
    """What a run does, or does with the files of one project, apart from its mode.

    `root` is the folder of the configuration, or else of the project, or else ".": patterns are
    relative to it, and --undo takes back what was written for it. `target_version` None means: what
    the project's metadata allows. `thread_fix` is what a thread is given that reads a request: a
    copy of its context ("wrap") or the values that it reads ("values") wherever that is possible,
    or the one of the two whose fix is safe ("safest").
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = tuple(DEFAULT_EXCLUDE)
    extend_exclude: tuple[str, ...] = ()
    gitignore: bool = True
    unsafe_fixes: bool = False
    target_version: TargetVersion | None = None
    thread_fix: str = "safest"
    output_format: str = "text"
    paths: tuple[str, ...] = (".",)
    root: str = "."

    def selects(self, code: str) -> bool:
        """Whether the rule `code` runs: the longest prefix that names it decides."""
        chosen = _longest(self.select or ("",), code)
        dropped = _longest(self.ignore, code)
        return chosen is not None and (dropped is None or chosen > dropped)

    def names(self, code: str) -> bool:
        """Whether `select` itself holds `code` or a prefix, as findings of level info need."""
        return _longest(self.select, code) is not None

    def allows(self, applicability: Literal["safe", "unsafe"]) -> bool:
        """Whether fixes of that kind are to be applied, and not only spoken of."""
        return self.unsafe_fixes or applicability == "safe"

    def selection(self) -> list[tuple[str, str]]:
        """Return pairs of a setting's key and a code, or prefix of one, that it holds."""
        per_file = [prefix for _, prefixes in self.per_file_ignores for prefix in prefixes]
        by_key = {"select": self.select, "ignore": self.ignore, "per-file-ignores": per_file}
        return [(key, prefix) for key, prefixes in by_key.items() for prefix in prefixes]


def _longest(prefixes: tuple[str, ...], code: str) -> int | None:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=None)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _strings(value: object, example: str = '["tests"]') -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"expected a list of strings, such as {example}")
    return tuple(value)


def _codes(value: object) -> tuple[str, ...]:
    codes = tuple(code.upper() for code in _strings(value, '["CTX101", "CTX4"]'))
    wrong = next((code for code in codes if not _PREFIX.fullmatch(code)), None)
    if wrong is not None:
        raise ValueError(f'unknown rule "{wrong}"; see --list-rules')
    return codes


def _codes_per_pattern(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise ValueError('expected a table, such as {"tests/*" = ["CTX3"]}')
    return tuple((str(pattern), _codes_for(pattern, codes)) for pattern, codes in value.items())


def _codes_for(pattern: object, value: object) -> tuple[str, ...]:
    try:
        return _codes(value)
    except ValueError as error:
        raise ValueError(f'"{pattern}": {error}') from None


def _target(value: object) -> TargetVersion:
    if not isinstance(value, str):
        raise ValueError('expected a string, such as "3.1" or "2.2-3.2"')
    return TargetVersion.parse(value)


def _one_of(choices: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return str(value)

    return read


_READERS: dict[str, Callable[[object], Any]] = {
    "select": _codes,
    "ignore": _codes,
    "per-file-ignores": _codes_per_pattern,
    "exclude": _strings,
    "extend-exclude": _strings,
    "gitignore": _boolean,
    "unsafe-fixes": _boolean,
    "target-version": _target,
    "thread-fix": _one_of(THREAD_FIXES),
    "output-format": _one_of(OUTPUT_FORMATS),
    "paths": _strings,
}


def load(options: Mapping[str, object]) -> Settings:
    """Return the settings of a run with `options`, which are keyed and shaped as in pyproject.toml.

    The nearest pyproject.toml with a table of ours counts: from the folder that holds all of the
    paths upward, or from the current folder. Raises SettingsError.
    """
    paths = options.get("paths")
    given = paths if isinstance(paths, list) and paths else ["."]
    folder = os.path.commonpath([folder_of(path) for path in given])
    found = (configured(str(each), options) for each in (Path(folder), *Path(folder).parents))
    settings = next(filter(None, found), None)
    return settings or unconfigured(options, project_of(folder) or ".")


def configured(folder: str, options: Mapping[str, object]) -> Settings | None:
    """Return the settings by the pyproject.toml in `folder`, below `options`.

    None if there is no table of ours. Raises SettingsError.
    """
    found = _table_in(Path(folder))
    if found is None:
        return None
    file, text, table = found
    settings = replace(Settings(), root=folder)
    settings = _with(settings, table, lambda key: f"{_location(file, text, key)}: {key}")
    if "paths" in table:
        below = (os.path.relpath(file.parent / path) for path in settings.paths)
        settings = replace(settings, paths=tuple(below))
    return _with(settings, options, lambda key: f"--{key}")


def place_of(key: str, settings: Settings, options: Mapping[str, object]) -> str:
    """Return where a setting of `settings` stands: in `options`, or in which line of which file."""
    found = None if key in options else _table_in(Path(settings.root))
    return f"--{key}" if found is None else f"{_location(*found[:2], key)}: {key}"


def unconfigured(options: Mapping[str, object], root: str) -> Settings:
    """Return the settings by `options` alone. Raises SettingsError."""
    return _with(Settings(root=root), options, lambda key: f"--{key}")


def _with(
    settings: Settings, values: Mapping[str, object], place: Callable[[str], str]
) -> Settings:
    read: dict[str, Any] = {}
    for key, value in values.items():
        if key not in _READERS:
            raise SettingsError(f"{place(key)}: unknown setting; {_near(key)}")
        try:
            read[key.replace("-", "_")] = _READERS[key](value)
        except ValueError as error:
            raise SettingsError(f"{place(key)}: {error}") from None
    return replace(settings, **read)


def _near(key: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, _READERS, 1)
    return f'did you mean "{near[0]}"?' if near else f"use {', '.join(_READERS)}"


def _table_in(folder: Path) -> tuple[Path, str, dict[str, object]] | None:
    """Return the pyproject.toml in `folder`, its text, and the table of ours, if it has one."""
    file = folder / "pyproject.toml"
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"{_shown(file)}: {error.strerror}") from None
    if _TABLE.encode() not in data:
        return None
    text, document = _parse(file, data)
    tool = document.get("tool")
    table = tool.get(_TABLE) if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{_location(file, text, _TABLE)}: expected a table")
    return None if table is None else (file, text, table)


def _parse(file: Path, data: bytes) -> tuple[str, dict[str, object]]:
    from flask_ctxfix.toml import loads

    try:
        text = data.decode()
        return text, loads(text)
    except ValueError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{_shown(file)}:{line[1]}" if line else _shown(file)
        raise SettingsError(f"{place}: not valid TOML: {error}") from None


def _location(file: Path, text: str, key: str) -> str:
    """Return file and line of `key` in the table of ours."""
    rows = text.splitlines()
    header = next((i for i, row in enumerate(rows) if f"tool.{_TABLE}" in row), 0)
    spelled = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=|.*\.{re.escape(key)}\s*\]""")
    line = next((i for i in range(header, len(rows)) if spelled.match(rows[i])), header)
    return f"{_shown(file)}:{line + 1}"


def _shown(file: Path) -> str:
    return os.path.relpath(file)
