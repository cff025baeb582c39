"""Which Flask a project is written for, read from its metadata."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from flask_ctxfix.flask_versions import KNOWN, NEWEST_RELEASED, TargetVersion

Version = tuple[int, ...]

_REQUIREMENT = re.compile(
    r"\s*(flask|werkzeug)\s*(?:\[[^\]]*\]\s*)?(?![\w.-])([^;#]*)", re.IGNORECASE
)
_CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|<|>|\^|~|=)?\s*v?(\d+(?:\.\d+)*|)(\.?\*)?")
_INCLUDE = re.compile(r"(?:-r|--requirement)[ =]*(\S+)")
_LOCKED = re.compile(
    r'^name = "(flask|werkzeug)"\r?\nversion = "([^"]+)"', re.IGNORECASE | re.MULTILINE
)
_UNNAMED = "the newest release, since the project does not name Flask"
_SETUP_KEYWORDS = ("install_requires", "extras_require", "tests_require")


class _Required(NamedTuple):
    """What a requirement says of the versions of Flask, or of Werkzeug."""

    package: str
    specifier: str

    @property
    def is_of_flask(self) -> bool:
        return self.package == "flask"


class Detected(NamedTuple):
    """The newest Flask that a project allows, and what says so, to stand in a sentence.

    Where it allows none that there are fixes for, `is_too_old`.
    """

    target: TargetVersion
    reason: str
    is_too_old: bool = False


def detect(folder: Path) -> Detected:
    """Return the target for the project around `folder`: of that folder or the nearest above it.

    The search ends at the top of a repository. Files that cannot be read or
    understood count as silent.
    """
    for parent in (folder, *folder.parents):
        for name, required in _declared(parent):
            if any(each.is_of_flask for each in required):
                return _newest(name, required)
        if (parent / ".git").exists():
            break
    return Detected(_only(NEWEST_RELEASED), _UNNAMED)


def _newest(name: str, required: list[_Required]) -> Detected:
    of_flask = [each for each in required if each.is_of_flask]
    allowed = [version for version in KNOWN if _allow(of_flask, version)]
    said, verb = _said(of_flask), "allows"
    of_werkzeug = [each for each in required if not each.is_of_flask and each.specifier]
    if allowed and of_werkzeug:
        # Each Flask from 2.2 on needs a Werkzeug that is at least as new.
        latest = max((each for each in KNOWN if _allow(of_werkzeug, each)), default=(0, 0))
        if latest < max(allowed):
            said, verb = f"{said} with {_said(of_werkzeug)}", "allow"
        allowed = [version for version in allowed if version <= latest]
    if not allowed:
        first, last, newest = map(_written, (KNOWN[0], KNOWN[-1], NEWEST_RELEASED))
        cause = f"{said} {verb} none of Flask {first} to {last}"
        reason = f"{name}: {cause}, so fixes are for {newest} and may not run there"
        return Detected(_only(NEWEST_RELEASED), reason, is_too_old=True)
    released = [version for version in allowed if version <= NEWEST_RELEASED]
    return Detected(_only(max(released or allowed)), f"{said} in {name}")


def _said(required: list[_Required]) -> str:
    return " or ".join(dict.fromkeys(f"{each.package}{each.specifier}" for each in required))


def _allow(required: list[_Required], version: tuple[int, int]) -> bool:
    return any(_allows(each.specifier, version) for each in required)


def _written(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _only(version: tuple[int, int]) -> TargetVersion:
    return TargetVersion(version, version)


def _allows(specifier: str, version: tuple[int, int]) -> bool:
    """Whether some release of the series `version` fits; alternatives are split by ``|``."""
    return any(
        all(_fits(clause.strip(), version) for clause in alternative.split(","))
        for alternative in re.split(r"\|\|?", specifier)
    )


def _fits(clause: str, version: tuple[int, int]) -> bool:
    match = _CLAUSE.match(clause)
    if match is None or not match[2]:
        return True
    operator, wildcard = match[1] or "==", match[3]
    bound = tuple(int(number) for number in match[2].split("."))
    return _COMPARISONS[operator](version, bound, bool(wildcard))


def _at_least(version: Version, bound: Version, wildcard: bool) -> bool:
    return version >= _padded(bound)[:2]


def _below(version: Version, bound: Version, wildcard: bool) -> bool:
    return (*version, 0) < _padded(bound)


def _same(version: Version, bound: Version, wildcard: bool) -> bool:
    return version[: len(bound)] == bound if wildcard else version == _padded(bound)[:2]


def _different(version: Version, bound: Version, wildcard: bool) -> bool:
    return not (wildcard and _same(version, bound[:2], wildcard))


def _up_to(version: Version, bound: Version, wildcard: bool) -> bool:
    return (*version, 0) <= _padded(bound)


def _compatible(version: Version, bound: Version, wildcard: bool) -> bool:
    kept = bound[: max(1, len(bound) - 1)]
    return _at_least(version, bound, wildcard) and version[: len(kept)] == kept[:2]


def _caret(version: Version, bound: Version, wildcard: bool) -> bool:
    return _at_least(version, bound, wildcard) and version[0] == bound[0]


def _tilde(version: Version, bound: Version, wildcard: bool) -> bool:
    return _at_least(version, bound, wildcard) and version[: len(bound)] == bound[:2]


def _padded(bound: Version) -> Version:
    return (*bound, 0, 0)[:3]


_COMPARISONS: dict[str, Callable[[Version, Version, bool], bool]] = {
    "===": _same,
    "==": _same,
    "=": _same,
    "!=": _different,
    "<": _below,
    "<=": _up_to,
    ">": _at_least,
    ">=": _at_least,
    "~=": _compatible,
    "^": _caret,
    "~": _tilde,
}


def _declared(folder: Path) -> Iterator[tuple[str, list[_Required]]]:
    """Yield what each file of `folder` that may name Flask says, the most binding first."""
    yield from _read(folder, _DECLARATIONS)
    for path in _requirement_files(folder):
        lines = [*_lines_of(path, set())]
        naming = (each for each, line in lines if any(r.is_of_flask for r in _requirements([line])))
        place = os.path.relpath(next(naming, path), folder)
        yield place, _requirements(line for _, line in lines)
    yield from _read(folder, _LOCKS)


def _read(
    folder: Path, readers: Mapping[str, Callable[[str], Iterator[list[_Required]]]]
) -> Iterator[tuple[str, list[_Required]]]:
    for name, read in readers.items():
        text = _text(folder / name)
        if "flask" in text.lower():
            try:
                yield from [(name, required) for required in read(text)]
            except (AttributeError, TypeError):
                continue  # a table where a list should be, or the like


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _requirements(texts: Iterable[object]) -> list[_Required]:
    """Return what requirements as PEP 508 writes them say of Flask and of Werkzeug."""
    found = (_REQUIREMENT.match(text) for text in texts if isinstance(text, str))
    return [_Required(match[1].lower(), _specifier(match[2])) for match in found if match]


def _specifier(text: str) -> str:
    """Return `text` without blanks, brackets and options. An address says nothing of versions."""
    bare = re.split(r"\s--|\\$|@", text.strip())[0]
    return re.sub(r"[\s()]", "", bare)


def _pyproject(text: str) -> Iterator[list[_Required]]:
    data = _toml(text)
    project, poetry = data.get("project", {}), data.get("tool", {}).get("poetry", {})
    yield _requirements(project.get("dependencies", ()))
    yield _in_table(poetry.get("dependencies", {}))
    for groups in (project.get("optional-dependencies", {}), data.get("dependency-groups", {})):
        yield _requirements(item for group in groups.values() for item in group)
    for group in poetry.get("group", {}).values():
        yield _in_table(group.get("dependencies", {}))


def _pipfile(text: str) -> Iterator[list[_Required]]:
    data = _toml(text)
    yield _in_table(data.get("packages", {}))
    yield _in_table(data.get("dev-packages", {}))


def _toml(text: str) -> dict[str, Any]:
    from flask_ctxfix.toml import loads

    try:
        return loads(text)
    except ValueError:
        return {}


def _in_table(table: dict[str, Any]) -> list[_Required]:
    """Return what a table of names and versions says, as Poetry and Pipenv write it."""
    return [
        _Required(name.lower(), _specifier("" if version == "*" else version))
        for name, stated in table.items()
        if name.lower() in ("flask", "werkzeug")
        for version in map(_version_in, stated if isinstance(stated, list) else [stated])
    ]


def _version_in(item: Any) -> Any:
    return item.get("version", "") if isinstance(item, dict) else item


def _setup_cfg(text: str) -> Iterator[list[_Required]]:
    from configparser import ConfigParser, Error

    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except Error:
        return
    yield _requirements(parser.get("options", "install_requires", fallback="").splitlines())
    if parser.has_section("options.extras_require"):
        extras = parser["options.extras_require"].values()
        yield _requirements(line for extra in extras for line in extra.splitlines())


def _setup_py(text: str) -> Iterator[list[_Required]]:
    import ast

    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    assigned = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    for name in _SETUP_KEYWORDS:
        values = [keyword.value for keyword in keywords if keyword.arg == name]
        values = [
            assigned.get(value.id, value) if isinstance(value, ast.Name) else value
            for value in values
        ]
        constants = [
            node.value
            for value in values
            for node in ast.walk(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        yield _requirements(line for text in constants for line in text.splitlines())


def _requirement_files(folder: Path) -> list[Path]:
    first = folder / "requirements.txt"
    others = [*folder.glob("requirements*.txt"), *folder.glob("requirements/*.txt")]
    return [first, *sorted(path for path in others if path != first)]


def _lines_of(path: Path, seen: set[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each file and line of a file of requirements, and of those that it includes."""
    if path in seen:
        return
    seen.add(path)
    for line in _text(path).splitlines():
        include = _INCLUDE.match(line.strip())
        if include:
            yield from _lines_of(path.parent / include[1], seen)
        else:
            yield path, line


def _lock(text: str) -> Iterator[list[_Required]]:
    yield [_Required(name.lower(), f"=={version}") for name, version in _LOCKED.findall(text)]


def _pipfile_lock(text: str) -> Iterator[list[_Required]]:
    import json

    try:
        data = json.loads(text)
    except ValueError:
        return
    yield _in_table(data.get("default", {}))


_DECLARATIONS = {
    "pyproject.toml": _pyproject,
    "Pipfile": _pipfile,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
}
_LOCKS = {
    "poetry.lock": _lock,
    "uv.lock": _lock,
    "pdm.lock": _lock,
    "Pipfile.lock": _pipfile_lock,
}
