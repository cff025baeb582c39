"""The projects that files are in, which rule them: settings, target, roles, what is served.

A project is the nearest folder upwards that holds what marks one; without any, the folder of the
path that was given. What is said of a file does not depend on which paths were given, nor on their
order. Everything is asked once for each folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.discovery import Rules
from flask_ctxfix.folders import Folder, Folders, above, folder_of, names_in
from flask_ctxfix.settings import Settings, configured, place_of, unconfigured

if TYPE_CHECKING:
    from flask_ctxfix.flask_detection import Detected
    from flask_ctxfix.served import Served

_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
_EXCLUDING = ("exclude", "extend-exclude")


class Ruled(NamedTuple):
    """A project of a run, the target of its files, and what says so."""

    folder: str
    detected: Detected


class Projects:
    """The projects of a run.

    `options` are above the configuration of each; without them, the settings are for all files.
    Paths may be spelled as the user wrote them. Each question may raise SettingsError where it is
    one of settings.
    """

    def __init__(
        self, settings: Settings | None = None, options: Mapping[str, object] | None = None
    ) -> None:
        settings = settings or Settings()
        self._run = settings
        self._options = options
        self._given = sorted({folder_of(path) for path in settings.paths}, key=len)
        self._here = os.path.abspath(".")  # noqa: PTH100
        self._folders = Folders()
        self._spelled: dict[str, Folder] = {}
        self._tests: dict[str, bool] = {}
        self._configured: dict[str, Settings | None] = {}
        self._settings: dict[str, Settings] = {}
        self._rules: dict[str, Rules] = {}
        self._detected: dict[str, Detected] = {}
        self._served: dict[str, tuple[Served, ...]] = {}
        self._unconfigured: Settings | None = None

    def place_of(self, key: str, settings: Settings) -> str:
        """Return where a setting was given: the option, or the line of the file."""
        return place_of(key, settings, self._options or {})

    # Which project, and which role.

    def folder(self, path: str) -> str:
        """Return the folder of the innermost project that a file is in."""
        return self._folder_facts(path).project or self._here

    def is_test(self, path: str) -> bool:
        """Whether a file is one of tests, by its name or that of a folder around it."""
        if path not in self._tests:
            is_named = _TEST_FILE.fullmatch(path[path.rfind("/") + 1 :]) is not None
            self._tests[path] = is_named or self._folder_facts(path).is_test
        return self._tests[path]

    def is_migration(self, path: str) -> bool:
        """Whether a file is one of the migrations of a database, whose runner gives a context."""
        return self._folder_facts(path).is_migration

    def speaks_for(self, path: str, other: str) -> bool:
        """Whether what a file sets is a setting of another: of its project, or of one inside."""
        folder = self.folder(path)
        return folder == (inner := self.folder(other)) or inner.startswith(folder + "/")

    def _folder_facts(self, path: str) -> Folder:
        spelled = path[: path.rfind("/") + 1]
        if spelled not in self._spelled:
            folder = os.path.abspath(spelled or ".")  # noqa: PTH100
            self._spelled[spelled] = self._of(folder)
        return self._spelled[spelled]

    def _of(self, folder: str) -> Folder:
        known = self._folders.of(folder)
        if known.project is not None:
            return known
        project = next((each for each in self._given if _is_below(folder, each)), folder)
        top = self._here if _is_below(project, self._here) else project
        while os.path.isfile(f"{top}/__init__.py"):  # noqa: PTH113
            top = os.path.dirname(top)  # noqa: PTH120
        known = Folder(project=project, top=top)
        for each in reversed([each for each in (folder, *above(folder)) if len(each) > len(top)]):
            known = known.below(each, names_in(each))
        return known

    # Settings and target.

    def settings(self, path: str) -> Settings:
        """Return the settings for a file: those of the project that it is in, below options."""
        return self._settings_in(self.folder(path))

    def every(self, paths: Iterable[str]) -> list[Settings]:
        """Return the different settings that files have."""
        folders = dict.fromkeys(map(self.folder, paths))
        return list({id(each): each for each in map(self._settings_in, folders)}.values())

    def _settings_in(self, folder: str) -> Settings:
        if self._options is None:
            return self._run
        if folder not in self._settings:
            tables = (self._table_in(each) for each in (folder, *above(folder)))
            found = next((each for each in tables if each is not None), None)
            self._settings[folder] = found or self._without_table()
        return self._settings[folder]

    def _table_in(self, folder: str) -> Settings | None:
        if folder not in self._configured:
            self._configured[folder] = configured(folder, self._options or {})
        return self._configured[folder]

    def _without_table(self) -> Settings:
        if self._unconfigured is None:
            self._unconfigured = unconfigured(self._options or {}, self._run.root)
        return self._unconfigured

    def rules_in(self, folder: str) -> Rules:
        """Return what is left out where a folder, absolute, is walked."""
        settings = self._settings_in(folder)
        key = settings.root
        if key not in self._rules:
            options = self._options or {}
            roots = (self._run.root if each in options else key for each in _EXCLUDING)
            patterns = (settings.exclude, settings.extend_exclude)
            excludes = tuple(zip(patterns, roots, strict=True))
            self._rules[key] = Rules(excludes, settings.gitignore)
        return self._rules[key]

    def target(self, path: str) -> Detected:
        """Return the Flask that a file is for, and what says so."""
        folder = self.folder(path)
        if folder not in self._detected:
            self._detected[folder] = self._detect(folder)
        return self._detected[folder]

    def _detect(self, folder: str) -> Detected:
        from pathlib import Path

        from flask_ctxfix.flask_detection import Detected, detect

        version = self._settings_in(folder).target_version
        if version is None:
            return detect(Path(folder))
        is_option = self._options is None or "target-version" in self._options
        said = "--target-version" if is_option else "target-version in pyproject.toml"
        return Detected(version, said)

    def targets(self, paths: Iterable[str]) -> tuple[Ruled, ...]:
        """Return the projects that files are in, each with its target."""
        found = {self.folder(path): self.target(path) for path in paths}
        return tuple(Ruled(*each) for each in sorted(found.items()))

    # What is served.

    def served(self, path: str) -> tuple[Served, ...]:
        """Return what serves the file at `path`, by the files of its project and those around."""
        absolute = os.path.abspath(path)  # noqa: PTH100
        known = self._folder_facts(path)
        folders = [folder for folder in self._around(known) if _is_below(absolute, folder)]
        return tuple(
            each for folder in folders for each in self.applications(folder) if each.fits(absolute)
        )

    def applications(self, folder: str) -> tuple[Served, ...]:
        """Return what the files of a project say that it serves."""
        if folder not in self._served:
            from flask_ctxfix.served import served_in

            self._served[folder] = served_in(folder)
        return self._served[folder]

    def _around(self, known: Folder) -> Sequence[str]:
        """Return the folders of a project and of those around it, up to where names count."""
        folder = known.project or self._here
        outer = dict.fromkeys(self._folders.of(each).project for each in above(folder))
        return [folder, *(each for each in outer if each and _is_below(each, known.top or folder))]


def _is_below(path: str, folder: str) -> bool:
    """Whether an absolute path is that of a folder, or below it."""
    return path == folder or path.startswith(folder if folder.endswith("/") else folder + "/")
