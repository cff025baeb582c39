"""Show the guest book before and after: ``python examples/run.py``.

Needs flask-ctxfix and Flask 3 installed beside this interpreter. The rewrite is done on a copy.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GUESTBOOK = Path(__file__).parent / "guestbook"


def run(folder: Path, command: str) -> int:
    """Run ``python …`` or ``flask-ctxfix …`` in `folder`; return its exit status."""
    print("$", command, flush=True)
    program, *arguments = command.split()
    python = [sys.executable] if program == "python" else [sys.executable, "-m", "flask_ctxfix"]
    done = subprocess.run([*python, *arguments], cwd=folder, stderr=subprocess.STDOUT, check=False)
    print(flush=True)
    return done.returncode


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(GUESTBOOK, Path(scratch) / "guestbook"))
        is_broken = run(copy, "python app.py") != 0
        run(copy, "flask-ctxfix")
        run(copy, "flask-ctxfix --diff")
        is_fixed = run(copy, "flask-ctxfix --apply") == 0
        works = run(copy, "python app.py") == 0
    if not (is_broken and is_fixed and works):
        sys.exit("the example did not go as it should: is Flask 3 or newer installed here?")


if __name__ == "__main__":
    main()
