"""The rules of the family, and what they have to know of a file before they judge others."""

from __future__ import annotations

from flask_ctxfix.codemod import Survey
from flask_ctxfix.codemods.streams.hazards import StreamWithContextHazard
from flask_ctxfix.codemods.streams.late_reads import GeneratorReadsRequest
from flask_ctxfix.codemods.streams.streamed import streaming_names
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

RULES = (GeneratorReadsRequest(), StreamWithContextHazard())


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Collect what streams what it is given, and lead to the files that may give it a stream."""
    names = frozenset(streaming_names(module, project))
    return Survey(names, frozenset(frozenset({name}) for name in names))
