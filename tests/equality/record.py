"""Record what every expression gives on Flask 2.1, where the stacks were whole.

``python -m tests.equality.record``, with Flask 2.1, Werkzeug 2.1 and blinker installed.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from tests.equality.expressions import EXPRESSIONS, SPELLINGS
from tests.equality.outcomes import Outcomes, outcomes

RECORDED = Path(__file__).with_name("before_2_1.json")


def recorded() -> dict[str, Outcomes]:
    """Return the outcomes on record, by the name of the expression."""
    record = json.loads(RECORDED.read_text())
    return {
        name: {state: found for states, found in groups for state in states.split()}
        for name, groups in record.items()
    }


def _grouped(found: Outcomes) -> list[tuple[str, dict[str, str]]]:
    """Put the states with the same outcomes together."""
    groups: list[tuple[str, dict[str, str]]] = []
    for outcome in found.values():
        states = [state for state, other in found.items() if other == outcome]
        if (group := (" ".join(states), outcome)) not in groups:
            groups.append(group)
    return groups


def flask_version() -> tuple[int, int]:
    """Return the installed Flask's version as (major, minor)."""
    major, minor = version("flask").split(".")[:2]
    return int(major), int(minor)


def main() -> None:
    """Run everything and write the record anew."""
    if flask_version() != (2, 1):
        raise SystemExit(f"the record is of Flask 2.1; this is {version('flask')}")
    rows = []
    for expression in EXPRESSIONS:
        found = outcomes(expression.source(SPELLINGS["imported"]))
        rows.append(f"{json.dumps(expression.name)}: {json.dumps(_grouped(found))}")
    RECORDED.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
