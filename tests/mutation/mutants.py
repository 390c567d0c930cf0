"""The mutants of the contracts, as slither-mutate makes them."""

import hashlib
import inspect
import logging
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from slither import Slither
from slither.tools.mutator.mutators import all_mutators

ROOT = Path(__file__).resolve().parents[2]
LEFT_ALONE = ("contracts/interfaces/", "contracts/dev/")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one source: bytes from `start` to `end` give way to `new`."""

    operator: str
    path: str
    line: int
    start: int
    end: int
    new: str

    @property
    def key(self) -> str:
        """A name that stays while the source does."""
        content = (ROOT / self.path).read_bytes()
        told = f"{self.path}:{self.start}:{self.end}:{self.new}".encode()
        return hashlib.sha256(content + told).hexdigest()[:16]

    @property
    def lines(self) -> tuple[int, int]:
        """The first and the last line that it changes."""
        content = (ROOT / self.path).read_bytes()
        return content.count(b"\n", 0, self.start) + 1, content.count(b"\n", 0, self.end) + 1

    def source(self) -> str:
        """The changed source."""
        content = (ROOT / self.path).read_bytes()
        return (content[: self.start] + self.new.encode() + content[self.end :]).decode()

    @property
    def change(self) -> str:
        """What is changed, on a line."""
        old = (ROOT / self.path).read_bytes()[self.start : self.end].decode()
        return f"`{' '.join(old.split())}` → `{' '.join(self.new.split())}`"


def mutants(out: Path) -> list[Mutant]:
    """All mutants of the contracts, from what forge compiled to `out` with build info."""
    logging.disable(logging.CRITICAL)
    slither = Slither(str(ROOT), ignore_compile=True, foundry_out_directory=str(out))
    found: dict[tuple[object, ...], Mutant] = {}
    for unit in slither.compilation_units:
        for contract in unit.contracts:
            path = contract.source_mapping.filename.relative
            if path.startswith("contracts/") and not path.startswith(LEFT_ALONE):
                for mutant in _of_contract(unit, contract, path):
                    found.setdefault((mutant.path, mutant.start, mutant.end, mutant.new), mutant)
    return list(found.values())


def sample(
    population: list[Mutant], per_file: int, seed: int, is_valid: Callable[[Mutant], bool], jobs: int
) -> list[Mutant]:
    """So many valid mutants of each file, drawn without regard to the operator, and what else was drawn for them."""

    def of_file(path: str) -> list[Mutant]:
        drawn = sorted((m for m in population if m.path == path), key=lambda m: (m.start, m.end, m.new))
        random.Random(f"{seed} {path}").shuffle(drawn)
        valid = (at for at, mutant in enumerate(drawn, 1) if is_valid(mutant))
        return drawn[: next(islice(valid, per_file - 1, None), None)]

    with ThreadPoolExecutor(jobs) as pool:
        return list(chain.from_iterable(pool.map(of_file, sorted({mutant.path for mutant in population}))))


class _Part:
    """A contract or function of slither's with some of its parts only: an operator that cannot read a statement
    ends with all that it would have found in the contract."""

    def __init__(self, whole: Any, **parts: Any) -> None:
        self._whole = whole
        self.__dict__.update(parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


def _of_contract(unit: Any, contract: Any, path: str) -> Iterator[Mutant]:
    operators: list[Any] = [kind for _, kind in inspect.getmembers(all_mutators, inspect.isclass)]
    for operator in operators:
        maker = operator(unit, 0, "", "", contract, None, False, Path(), [])
        for function in contract.functions_and_modifiers_declared:
            for node in function.nodes:
                functions = [_Part(function, nodes=[node])]
                maker.contract = _Part(
                    contract, functions_and_modifiers_declared=functions, functions_declared=functions
                )
                try:
                    patches = maker._mutate().get("patches", {})
                except IndexError:
                    continue  # a comparison that is spread over lines
                for patch in (patch for of_file in patches.values() for patch in of_file):
                    yield Mutant(
                        operator.NAME,
                        path,
                        patch["line_number"],
                        patch["start"],
                        patch["end"],
                        patch["new_string"],
                    )
