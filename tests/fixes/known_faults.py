"""What is wrong with fixes and not mended yet, and what unsafe fixes may change.

`KNOWN` has, by program and variant, each kind of fault (checks.py says which there are) with what
is wrong: a row is to be taken out once its fault is mended. `JUDGED` is the same for what is right
as it is: values that an unsafe fix changes, as it says of itself.
"""

from __future__ import annotations

Table = dict[tuple[str, str], dict[str, str]]

LEFT_OVER = "an import stays whose last use the fix has removed"
NOT_SORTED = "the new import stands where isort would not have it"
RENAMED = "a renamed import shares a statement, and isort gives it one of its own"
TOO_LONG = "the line of the import gets longer than 88 columns"
BLANK_LINES = "the blank lines around the imports are not those of isort"

KNOWN: Table = {
    ("CTX201/celery-where-names-are-taken", "unsafe"): {"lint": RENAMED},
    ("CTX303/functions-with-unseen-callers", "unsafe"): {
        "fails": "a caller that is not seen has no context"
    },
    ("CTX401/exported-to-a-file-that-keeps-it", "safe"): {"lint": NOT_SORTED},
    ("CTX401/exported-to-a-file-that-needs-unsafe-fixes", "unsafe"): {"lint": NOT_SORTED},
    ("CTX401/import-globals-as-a-module", "safe"): {"lint": f"{LEFT_OVER}; {RENAMED}"},
    ("CTX401/names-that-are-taken", "safe"): {"lint": f"{RENAMED}; {TOO_LONG}"},
    ("CTX401/noqa-on-a-use", "safe"): {
        "announced": "the import is listed as fixable, and stays for the use that is silenced"
    },
    ("CTX401/variable-named-like-the-proxy", "safe"): {"lint": RENAMED},
    ("CTX402/assigned-from-the-module", "safe"): {"lint": f"{LEFT_OVER}; {BLANK_LINES}"},
    ("CTX402/shims-simplified", "unsafe"): {"lint": BLANK_LINES},
    ("CTX402/shims-simplified-for-a-range", "unsafe"): {
        "found": "CTX407 is found once the import is no longer in the `try` that allowed it"
    },
    ("CTX402/type-checking-import-of-the-stack", "safe"): {"lint": RENAMED},
    ("CTX402/versions-under-any-name", "unsafe"): {"lint": LEFT_OVER},
    ("CTX403/lookups-through-the-module", "safe"): {"lint": f"{LEFT_OVER}; {RENAMED}"},
    ("CTX404/triggered-by-hand", "safe"): {"lint": LEFT_OVER},
    ("CTX405/constructors", "safe"): {"lint": LEFT_OVER},
    ("CTX406/signals", "safe"): {"lint": LEFT_OVER},
    ("CTX501/attribute-of-a-module", "safe"): {"lint": f"{LEFT_OVER}; {NOT_SORTED}"},
    ("CTX501/g-is-something-else-here", "safe"): {"lint": RENAMED},
    ("CTX501/hooks-of-two-applications-under-any-name", "safe"): {"lint": NOT_SORTED},
    ("CTX501/imported-inside-functions", "safe"): {"lint": f"{LEFT_OVER}; {NOT_SORTED}"},
    ("CTX501/imported-name-in-three-modules", "unsafe"): {"lint": NOT_SORTED},
    ("CTX501/names-that-are-taken", "safe"): {"lint": RENAMED},
    ("CTX502/class-as-a-namespace", "safe"): {"lint": NOT_SORTED},
    ("CTX506/after-request-in-a-view", "safe"): {"lint": LEFT_OVER},
    ("CTX506/after-request-in-a-view", "unsafe"): {"lint": LEFT_OVER},
    ("CTX506/in-the-way-of-the-import", "safe"): {"lint": RENAMED},
    ("CTX601/reads-in-callees", "unsafe"): {"lint": TOO_LONG},
}

JUDGED: Table = {
    ("CTX102/processes-that-are-spawned", "safe"): {
        "values": "the view answers with how its process ended, which no longer fails"
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
