"""Which files are migrations of a database, that their runner gives a context."""

from __future__ import annotations

from pathlib import PurePath

from flask_ctxfix.project import Module

_FOLDERS = {"alembic", "migrations"}


def is_migration(module: Module) -> bool:
    """Whether a file belongs to the migrations of Alembic."""
    return not _FOLDERS.isdisjoint(PurePath(module.path).parts)
