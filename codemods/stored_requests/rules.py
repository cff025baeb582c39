"""The rules of the family, and what they have to know of a file before they judge others."""

from __future__ import annotations

from flask_ctxfix.codemods.stored_requests.app_state import RequestInAppState
from flask_ctxfix.codemods.stored_requests.cached_reads import CachedFunctionReadsRequest
from flask_ctxfix.codemods.stored_requests.handlers import HandlerRegisteredInView
from flask_ctxfix.codemods.stored_requests.lost_on_g import ExpectedAcrossRequests
from flask_ctxfix.codemods.stored_requests.retained import RequestObjectRetained
from flask_ctxfix.codemods.stored_requests.shared_slots import (
    RequestInClassAttribute,
    RequestInGlobal,
    survey,
)

__all__ = ["RULES", "survey"]

RULES = (
    RequestInGlobal(),
    RequestInClassAttribute(),
    RequestInAppState(),
    RequestObjectRetained(),
    CachedFunctionReadsRequest(),
    HandlerRegisteredInView(),
    ExpectedAcrossRequests(),
)
