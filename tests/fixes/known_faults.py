"""What is wrong with fixes and not mended yet, and what unsafe fixes may change.

`KNOWN` has, by program and variant, each kind of fault (checks.py says which there are) with what
is wrong: a row is to be taken out once its fault is mended. `JUDGED` is the same for what is right
as it is: values that an unsafe fix changes, as it says of itself.
"""

from __future__ import annotations

Table = dict[tuple[str, str], dict[str, str]]

KNOWN: Table = {}

JUDGED: Table = {
    ("CTX102/processes-that-are-spawned", "safe"): {
        "values": "the view answers with how its process ended, which no longer fails"
    },
    ("CTX102/processes-that-are-spawned-by-keyword", "safe"): {
        "values": "the view answers with how its process ended, which no longer fails"
    },
    ("CTX102/processes-that-a-setting-starts", "unsafe"): {
        "values": "the view answers with how its process ended, which no longer fails"
    },
    ("CTX401/decorators-of-several-functions", "safe"): {
        "starts": "a use without a fix keeps the import that Flask 3 lacks"
    },
    ("CTX402/errors-where-a-function-is-handed-to", "safe"): {
        "starts": "a use without a fix keeps the import that Flask 3 lacks"
    },
    ("CTX101/unread-body", "unsafe"): {
        "values": "a form that lacks the value is refused by the view; before, the thread failed"
    },
    ("CTX101/url-values-that-are-taken-out", "unsafe"): {
        "values": "the function with the name of a view value keeps it"
    },
    ("CTX301/in-a-factory", "unsafe"): {"values": "`g` is no longer that of the process"},
    ("CTX301/module-level", "unsafe"): {"values": "`g` is no longer that of the process"},
    ("CTX303/callbacks-that-run-in-the-block", "unsafe"): {
        "values": "what runs in the block has the `g` of the request"
    },
    ("CTX303/commands-of-the-command-line", "unsafe"): {
        "values": "functions for teardown run once, not twice"
    },
    ("CTX303/generators-that-run-in-the-block", "unsafe"): {
        "values": "what runs in the block has the `g` of the request"
    },
    ("CTX303/methods-that-flask-and-python-call", "unsafe"): {
        "values": "what runs in the block has the `g` of the request"
    },
    ("CTX303/objects-that-use-the-context", "unsafe"): {
        "values": "what runs in the block has the `g` of the request"
    },
    ("CTX303/properties-that-use-the-context", "unsafe"): {
        "values": "what runs in the block has the `g` of the request"
    },
    ("CTX501/imported-name-in-three-modules", "unsafe"): {
        "values": "names that were imported before they were written have the value now"
    },
    ("CTX506/handlers-of-a-module", "unsafe"): {
        "values": "no error says any more that a handler comes too late"
    },
    ("CTX601/errors-that-are-hidden", "unsafe"): {
        "values": "the stream has what the hidden error kept from it"
    },
    ("CTX601/reads-that-differ", "unsafe"): {
        "values": "the stream has what its fallback stood for"
    },
}
