"""Show the applications before and after: ``python examples/run.py``.

The guest book uses what Flask 3 removed, the parcel service loses its requests in threads. Needs
flask-ctxfix and Flask 3 installed beside this interpreter. The rewrite is done on copies.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
APPLICATIONS = ("guestbook", "parcels")


def run(folder: Path, command: str) -> int:
    """Run ``python …`` or ``flask-ctxfix …`` in `folder`; return its exit status."""
    print("$", command, flush=True)
    program, *arguments = command.split()
    python = [sys.executable] if program == "python" else [sys.executable, "-m", "flask_ctxfix"]
    done = subprocess.run([*python, *arguments], cwd=folder, stderr=subprocess.STDOUT, check=False)
    print(flush=True)
    return done.returncode


def show(application: str) -> bool:
    """Run an application, rewrite it, and run it again; return whether that went as it should."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(HERE / application, Path(scratch, application)))
        is_broken = run(copy, "python app.py") != 0
        run(copy, "flask-ctxfix")
        run(copy, "flask-ctxfix --diff")
        is_fixed = run(copy, "flask-ctxfix --apply") == 0
        works = run(copy, "python app.py") == 0
    return is_broken and is_fixed and works


def main() -> None:
    went_well = [show(application) for application in APPLICATIONS]
    if not all(went_well):
        sys.exit("the examples did not go as they should: is Flask 3 or newer installed here?")


if __name__ == "__main__":
    main()
