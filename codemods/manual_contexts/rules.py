"""The rules of the family."""

from __future__ import annotations

from flask_ctxfix.codemods.manual_contexts.import_time import ImportTimeContextRead
from flask_ctxfix.codemods.manual_contexts.nested_contexts import NestedAppContext
from flask_ctxfix.codemods.manual_contexts.process_wide import ContextPushedForProcess
from flask_ctxfix.codemods.manual_contexts.test_contexts import TestContextInProduction
from flask_ctxfix.codemods.manual_contexts.unpopped import PushWithoutPop

RULES = (
    ContextPushedForProcess(),
    PushWithoutPop(),
    NestedAppContext(),
    ImportTimeContextRead(),
    TestContextInProduction(),
)
