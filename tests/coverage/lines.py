"""Which tests run which lines of the contracts."""

from bisect import bisect_right
from collections import defaultdict
from functools import cache

import numpy as np
from numpy.typing import NDArray

from offchain.chain.compiler import ROOT
from tests.coverage import runs
from tests.coverage.build import codes, compiled
from tests.coverage.recorder import RAN

Line = tuple[str, int]


class TestsOfLines:
    """The tests that passed beside the recorder, by the lines that they run."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = runs.seconds()
        self._owners: dict[Line, set[str]] = defaultdict(set)
        numbers: dict[bytes, NDArray[np.int64]] = {}
        lines: list[Line] = []
        for owner, code, marks in runs.marks():
            if code not in numbers:
                numbers[code] = _number_lines(code, lines)
            ran = numbers[code][(np.frombuffer(marks, dtype=np.uint8) & RAN) > 0]
            for number in np.unique(ran[ran >= 0]):
                self._owners[lines[number]].add(owner)

    def of(self, path: str, first: int, last: int) -> list[str]:
        """The tests that run a line from `first` to `last`, the quickest first; all of the source's where no
        instruction begins on these lines, as with a constant."""
        of_path = {line: owners for line, owners in self._owners.items() if line[0] == path}
        at = [owners for line, owners in of_path.items() if first <= line[1] <= last]
        owners = set[str]().union(*(at or of_path.values()))
        found = (name for name in self.seconds if not owners.isdisjoint((name, name.partition("::")[0], "")))
        return sorted(found, key=self.seconds.__getitem__)


def _number_lines(ran: bytes, lines: list[Line]) -> NDArray[np.int64]:
    """For each byte of a code that ran, the number of its line in `lines`, which grows; -1 where it has none."""
    found = np.full(len(ran), -1, dtype=np.int64)
    for path, output in compiled().items():
        code = next((code for code in codes(path) if code.is_of(ran)), None)
        if code is None:
            continue
        paths = {source["id"]: name for name, source in output["sources"].items()}
        for position, (start, _, number) in code.places.items():
            name = paths.get(number, "")
            if name.startswith("contracts/"):
                found[position] = len(lines)
                lines.append((name, bisect_right(_line_starts(name), start)))
    return found


@cache
def _line_starts(path: str) -> list[int]:
    """The first byte of each line."""
    content = (ROOT / path).read_bytes()
    return [0, *(at + 1 for at, byte in enumerate(content) if byte == ord("\n"))]
