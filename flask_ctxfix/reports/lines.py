"""Which lines two texts have in common, at a cost that grows with their length alone."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher

Pair = tuple[int, int]


class Lines(SequenceMatcher[str]):
    """Matches lines that each text has once, and then what stands between them.

    `difflib` alone compares each line with all others that read the same.
    """

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        super().__init__(None, (), ())
        self.a, self.b = before, after
        self._blocks: list[Match] = []

    def get_matching_blocks(self) -> list[Match]:
        """Return the runs of lines that are the same, in order, and an empty one at the end."""
        if not self._blocks:
            found: list[Match] = []
            for one in self._matches():
                last = found[-1] if found else Match(0, 0, 0)
                if found and (last.a + last.size, last.b + last.size) == (one.a, one.b):
                    found[-1] = Match(last.a, last.b, last.size + one.size)
                else:
                    found.append(one)
            self._blocks = [*found, Match(len(self.a), len(self.b), 0)]
        return self._blocks

    def _matches(self) -> Iterator[Match]:
        a = b = 0
        for next_a, next_b in (*_in_order(self._unique()), (len(self.a), len(self.b))):
            one, other = self.a[a:next_a], self.b[b:next_b]
            if one and one == other:
                yield Match(a, b, len(one))
            elif one and other:
                for match in SequenceMatcher(None, one, other).get_matching_blocks():
                    if match.size:
                        yield Match(a + match.a, b + match.b, match.size)
            if next_a < len(self.a):
                yield Match(next_a, next_b, 1)
            a, b = next_a + 1, next_b + 1

    def _unique(self) -> Iterator[Pair]:
        """Yield where the lines stand that each text has once."""
        of_a, of_b = Counter(self.a), Counter(self.b)
        places = {line: at for at, line in enumerate(self.b) if of_b[line] == 1}
        for at, line in enumerate(self.a):
            if line in places and of_a[line] == 1:
                yield at, places[line]


def _in_order(pairs: Iterator[Pair]) -> list[Pair]:
    """Return the most pairs of which no two cross, of some whose first parts ascend."""
    ends: list[int] = []  # the least second part that a chain of each length can end with
    chains: list[tuple[Pair, int]] = []
    last_of: list[int] = []  # the index of the pair at that end
    for pair in pairs:
        length = bisect_left(ends, pair[1])
        chains.append((pair, last_of[length - 1] if length else -1))
        ends[length : length + 1] = [pair[1]]
        last_of[length : length + 1] = [len(chains) - 1]
    found: list[Pair] = []
    at = last_of[-1] if last_of else -1
    while at >= 0:
        pair, at = chains[at]
        found.append(pair)
    return found[::-1]
