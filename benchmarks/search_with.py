"""Search a folder with N processes: ``python search_with.py N FOLDER``; 0: as the tool chooses."""

import sys
from concurrent.futures import ProcessPoolExecutor

from flask_ctxfix import engine
from flask_ctxfix.settings import load


def main(processes: int, folder: str) -> None:
    settings = load({"paths": [folder]})
    if processes == 0:
        outcome = engine.run(settings, "diff")
    else:
        with ProcessPoolExecutor(processes) as executor:
            outcome = engine.run(settings, "diff", executor=executor)
    print(sum(len(result.findings) for result in outcome.results))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
