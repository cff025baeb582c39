"""What a run found and did, as reports read it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from flask_ctxfix.projects import Projects
from flask_ctxfix.records import Record, replace

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Finding, Fix
    from flask_ctxfix.flask_detection import Detected
    from flask_ctxfix.project import Project
    from flask_ctxfix.projects import Ruled
    from flask_ctxfix.source import Source, SourceError

Mode = Literal["list", "diff", "apply"]

_NOTHING: Counter[str] = Counter()


class Located(Record):
    """A finding with its place: `start` and `end` are (row, column) from 1, `line` is its first."""

    finding: Finding
    start: tuple[int, int]
    end: tuple[int, int]
    line: str


class FileResult(Record):
    """One file as it was and as it is to be; both are the same where nothing is rewritten.

    `findings` are those of `before`, `remaining` those of `after`; `error` is why no rewrite of the
    file could be kept. `refused` are those of `remaining` whose fix did not stand the proof.
    `parts` are what `after` needs of fixes for defects that are shown in another file.
    `moved` are the groups of fixes that are made here, `blocked` those of which a fix may not be.
    `bounds` counts what was left unknown for the width of a question, as `Project.bounds` does.
    `contexts` counts the functions of which it is not known where they run, by the reason, and
    under no reason all others.
    """

    before: Source
    after: Source
    findings: tuple[Located, ...]
    remaining: tuple[Located, ...]
    error: SourceError | None = None
    refused: tuple[Located, ...] = ()
    parts: tuple[Fix, ...] = ()
    moved: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()
    bounds: Counter[str] = _NOTHING
    contexts: Counter[str] = _NOTHING

    @property
    def path(self) -> str:
        """The path of the file."""
        return self.before.path

    @property
    def is_changed(self) -> bool:
        """Whether there is something to write."""
        return self.after.data != self.before.data

    def left_alone(self, error: SourceError | None = None) -> FileResult:
        """Return the result of the same file if it stays as it was, because of `error`."""
        return replace(self, after=self.before, remaining=self.findings, error=error, refused=())


class Outcome:
    """What a run found and did, so far: it grows while the run goes on.

    `results` holds the files that were searched, in the order of their paths, `files` counts all.
    `targets` are those of the projects that they are in; none where no file mentions Flask.
    `programs` has, for each file that matters, what the run knows of its program, which reads its
    files again if asked.
    `counts_contexts` says whether the results are to say how many functions run where.
    """

    def __init__(self, mode: Mode, projects: Projects | None = None) -> None:
        self.mode = mode
        self.projects = projects or Projects()
        self.files = 0
        self.results: list[FileResult] = []
        self.errors: list[SourceError] = []
        self.targets: tuple[Ruled, ...] = ()
        self.programs: dict[str, Project] = {}
        self.is_interrupted = False
        self.counts_contexts = False

    @property
    def detected(self) -> Detected | None:
        """The first of the targets."""
        return self.targets[0].detected if self.targets else None

    @property
    def bounds(self) -> Counter[str]:
        """What was left unknown for the width of a question, and how often."""
        return sum((result.bounds for result in self.results), Counter())

    @property
    def contexts(self) -> Counter[str]:
        """How many functions run nobody knows where, by the reason; under none, all others."""
        return sum((result.contexts for result in self.results), Counter())
