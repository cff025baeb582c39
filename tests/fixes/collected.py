"""The programs whose fixes are tried: those of fixtures and documents, or those of any folder."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.settings import Settings
from tests.test_fixtures import CASES, FLASK, Case

ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "docs" / "rules.md"
DEFAULT_TARGET = "3.1"


@dataclass(frozen=True, eq=False)
class Program:
    """A folder of files, and those that are not on the disk yet; with the options to fix it with.

    `script` runs it and, once it is fixed as `case` says, prints what is expected.
    """

    name: str
    folder: Path | None
    files: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    case: Case | None = None

    def settings(self, tree: Path, is_unsafe: bool) -> Settings:
        """Return the settings for its copy in `tree`."""
        return Settings(
            paths=(str(tree),),
            target_version=TargetVersion.parse(self.options.get("target", DEFAULT_TARGET)),
            unsafe_fixes=is_unsafe,
            select=tuple(self.options.get("select", ())),
            thread_fix=self.options.get("thread_fix", "wrap"),
            root=str(tree),
        )

    @property
    def is_for_installed_flask(self) -> bool:
        """Whether the result is for the Flask that is installed."""
        return FLASK in self.options.get("versions", ["2.2", "2.3", "3.0", "3.1"])

    @property
    def script(self) -> Path | None:
        return self.case.script if self.case is not None and self.case.runs else None


def of_this_repository() -> list[Program]:
    """Return the cases of fixtures that have a fix, and the examples of the documentation."""
    cases = [
        Program(name, case.before, options=case.options, case=case)
        for name, case in CASES.items()
        if any(not each.endswith(" report") for each in case.options.get("findings", []))
    ]
    return [*cases, *_of_rules(), *_of_examples()]


def _of_rules() -> list[Program]:
    """Return what stands under the heading Before of each rule of docs/rules.md."""
    sections = re.findall(
        r"^## (CTX\d+)$.*?^### Before\n\n(.*?)(?=^#)", RULES.read_text("utf-8"), re.M | re.S
    )
    return [
        Program(f"docs/{code}", None, {"example.py": textwrap.dedent(text)}, {"select": ["CTX"]})
        for code, text in sections
    ]


def _of_examples() -> list[Program]:
    return [
        Program(f"examples/{folder.name}", folder, options={"versions": ["3.0", "3.1"]})
        for folder in sorted((ROOT / "examples").iterdir())
        if (folder / "app.py").exists()
    ]


def of_folder(folder: Path) -> list[Program]:
    """Return a program for each folder in `folder`: its folder `app`, or else all of it.

    A file `case.json` beside `app` may name the versions of Flask that it is for.
    """
    programs = []
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        app = each / "app" if (each / "app").is_dir() else each
        about = each / "case.json"
        said = json.loads(about.read_text("utf-8")) if about.exists() else {}
        versions = said.get("flask", [DEFAULT_TARGET])
        target = DEFAULT_TARGET if DEFAULT_TARGET in versions else versions[-1]
        if any(app.rglob("*.py")):
            options = {"target": target, "versions": versions}
            programs.append(Program(f"{folder.name}/{each.name}", app, options=options))
    return programs


def sample(programs: list[Program], size: int) -> list[Program]:
    """Return about `size` of them, from all over the list."""
    step = max(1, round(len(programs) / size))
    return programs[::step]
