"""Writing fixed files, whole or not at all, and undoing the last run that did."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import signal
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from flask_ctxfix.source import Source, SourceError, read_bytes


def write(source: Source, data: bytes) -> None:
    """Let the file of `source` hold `data`; it is replaced in one step, so never half written.

    Mode, owner and extended attributes are kept; a symbolic link stays and its target is replaced.
    A file with further hard links is not written, since replacing it would part them.

    Raises SourceError, and leaves the file as it was and nothing beside it, if it no longer holds
    what was read or cannot be written.
    """
    _replace(source.path, source.data, data)


class Journal:
    """What it takes to undo the last run that wrote files in a project.

    It lies in the user's state folder, one file for each `root`, the folder of a project.
    """

    def __init__(self, root: str) -> None:
        from platformdirs import user_state_path

        self.root = root
        project = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()
        self.path = user_state_path("flask-ctxfix", appauthor=False) / f"{project[:32]}.json"

    def record(self, changes: Sequence[tuple[Source, bytes]]) -> None:
        """Write down what each source holds and what it is going to hold; call it before `write`.

        The record replaces the last one, unless there are no `changes`. Raises SourceError.
        """
        if not changes:
            return
        entries = [
            {
                "path": os.path.realpath(source.path),
                "before": base64.b64encode(source.data).decode(),
                "after": _digest(data),
            }
            for source, data in changes
        ]
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _temporary(self.path.parent, json.dumps(entries).encode()) as temporary:
                temporary.replace(self.path)
        except OSError as error:
            cause = f"cannot write the journal, so no file was changed: {error.strerror}"
            raise SourceError(str(self.path), None, cause) from None

    def undo(self) -> tuple[list[str], list[SourceError]]:
        """Give the files of the record back the bytes that they held.

        Returns the real paths of the files that were restored, and an error for each that was
        changed since or that cannot be read or written. The record is dropped once nothing is left
        to undo.
        """
        try:
            entries = self._entries()
        except SourceError as error:
            return [], [error]
        restored: list[str] = []
        errors: list[SourceError] = []
        for path, before, after in entries:
            try:
                if _restore(path, before, after):
                    restored.append(path)
            except SourceError as error:
                errors.append(error)
        if not errors:
            self.path.unlink()
        return restored, errors

    def _entries(self) -> list[tuple[str, bytes, str]]:
        if not self.path.exists():
            cause = "nothing to undo: no --apply has changed files of this project"
            raise SourceError(self.root, None, cause)
        try:
            return [
                (entry["path"], base64.b64decode(entry["before"]), entry["after"])
                for entry in json.loads(read_bytes(str(self.path)))
            ]
        except (ValueError, KeyError, TypeError):
            raise SourceError(str(self.path), None, "cannot undo: the journal is damaged") from None


def _restore(path: str, before: bytes, after: str) -> bool:
    """Put `before` back where what is left has the digest `after`; False if it is back already."""
    data = read_bytes(path)
    if data == before:
        return False
    if _digest(data) != after:
        raise SourceError(path, None, "cannot undo: it has changed since --apply wrote it")
    _replace(path, data, before)
    return True


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _replace(path: str, old: bytes, new: bytes) -> None:
    target = Path(os.path.realpath(path))
    try:
        status = target.stat()
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if status.st_nlink > 1:
            links = f"it has {status.st_nlink} hard links, and replacing it would break one"
            cause = f"cannot write: {links}"
            raise SourceError(path, None, cause)
        with _uninterrupted(), _temporary(target.parent, new) as temporary:
            _take_over(temporary, target, status)
            if read_bytes(path) != old:
                raise SourceError(path, None, "cannot write: it has changed since it was read")
            temporary.replace(target)
    except OSError as error:
        raise SourceError(path, None, f"cannot write: {error.strerror}") from None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold an interrupt back until the file at hand is written, and nothing is left beside it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if held:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _temporary(folder: Path, data: bytes) -> Iterator[Path]:
    """Give a new file in `folder` that holds `data`, on the disk; it is gone afterwards."""
    descriptor, path = tempfile.mkstemp(prefix=".flask-ctxfix-", dir=folder)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        yield Path(path)
    finally:
        with suppress(OSError):
            Path(path).unlink()


def _take_over(file: Path, original: Path, status: os.stat_result) -> None:
    """Give `file` the owner, attributes and mode of `original`, as far as the user may."""
    for owner, group in ((-1, status.st_gid), (status.st_uid, -1)):
        with suppress(OSError):
            os.chown(file, owner, group)
    for name in _attributes(original):
        with suppress(OSError):
            os.setxattr(file, name, os.getxattr(original, name))
    if file.stat().st_mode != status.st_mode:
        file.chmod(stat.S_IMODE(status.st_mode))


def _attributes(file: Path) -> list[str]:
    """Return the names of the extended attributes, none where there is no such thing."""
    try:
        return os.listxattr(file)
    except (AttributeError, OSError):
        return []
