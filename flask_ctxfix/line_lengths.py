"""How long a project wants its lines to be."""

from __future__ import annotations

from pathlib import Path

from flask_ctxfix.folders import above

# What Ruff and Black take where they are configured without a length.
_DEFAULT = 88


def line_length_for(folder: str) -> int | None:
    """Return how long lines are to be by the nearest folder that says so, from one upwards."""
    found = map(line_length_in, (folder, *above(folder)) if folder else ())
    return next((each for each in found if each is not None), None)


def line_length_in(folder: str) -> int | None:
    """Return how long lines are to be by the configuration of Ruff or Black in a folder, if any."""
    for name, *places in (
        (".ruff.toml", ()),
        ("ruff.toml", ()),
        ("pyproject.toml", ("tool", "ruff"), ("tool", "black")),
    ):
        document = _document(Path(folder, name))
        for keys in places if document is not None else ():
            table: object = document
            for key in keys:
                table = table.get(key) if isinstance(table, dict) else None
            if isinstance(table, dict):
                length = table.get("line-length", _DEFAULT)
                return length if isinstance(length, int) and length > 0 else _DEFAULT
    return None


def _document(file: Path) -> dict[str, object] | None:
    """Return what a file of settings holds; None for one that is not there or not valid."""
    from flask_ctxfix.toml import loads

    try:
        return loads(file.read_bytes().decode())
    except (OSError, ValueError):
        return None
