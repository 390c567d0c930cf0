"""The mutants of the Python modules, by the operators of mutmut.

mutmut's own run leaves out decorated classes, which here are all that hold a formula, and tables of modules, which are
the workers' decisions. So its operators are applied here to every expression that computes or decides.
"""

import difflib
import hashlib
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("offchain/economics", "offchain/learning")
# They draw, print or tell; what they print is computed elsewhere. So do the modules of `economics/experiments`.
LEFT_OUT = ("offchain/economics/charts.py", "offchain/economics/report.py", "offchain/learning/errors.py")
WORKERS = tuple(
    f"offchain/workers/{name}.py"
    for name in ("consumer", "data_node", "loop", "miner", "pricing", "provider")
)
# The thin loops around the decisions: they touch the chain.
ACTORS = m.ClassDef(name=m.Name("Consumer") | m.Name("DataNode") | m.Name("Miner") | m.Name("Provider"))
SILENT = (
    m.Annotation()
    | m.Decorator()
    | m.Import()
    | m.ImportFrom()
    | m.Raise()  # what an error says
    | m.Call(func=m.Attribute(value=m.Name("log")))
    | m.Call(func=m.Name("cast") | m.Name("TypeVar"))
    | m.ClassDef(bases=[m.Arg(m.Name("Enum"))])  # names for people
)
# Their first argument is for errors to tell.
LABELLED = m.Call(func=m.Name("bounds") | m.Name("check_range") | m.Name("column"))
NO_CODE = m.SimpleStatementLine(
    body=[m.Assign(value=m.Subscript()) | m.Assign(targets=[m.AssignTarget(m.Name("log") | m.Name("State"))])]
)


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    place : the function or class it is in, or the empty text
    at_import : whether it is in no function, so that what it changes is fixed before any test runs
    lines : first and last line of what is changed; a run of any of them runs the change
    """

    path: str
    place: str
    at_import: bool
    lines: tuple[int, int]
    module: cst.Module
    old: cst.CSTNode
    new: cst.CSTNode

    @cached_property
    def source(self) -> str:
        """The changed source."""
        changed = self.module.deep_replace(self.old, self.new)
        assert isinstance(changed, cst.Module)
        return changed.code

    @property
    def key(self) -> str:
        """A name that stays while the source does."""
        return hashlib.sha256(f"{self.path}:{self.source}".encode()).hexdigest()[:16]

    @cached_property
    def change(self) -> str:
        """Where and what is changed, on a line."""
        lines = list(difflib.ndiff(self.module.code.splitlines(), self.source.splitlines()))
        old, new = (" ".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        return f"{self.place or 'module'}: `{old}` → `{new}`"


def mutants() -> list[Mutant]:
    """All mutants, module by module."""
    inner = [
        p.relative_to(ROOT).as_posix() for folder in FOLDERS for p in sorted((ROOT / folder).glob("*.py"))
    ]
    found: list[Mutant] = []
    for path in (*inner, *WORKERS):
        if path not in LEFT_OUT:
            wrapper = MetadataWrapper(cst.parse_module((ROOT / path).read_text()))
            finder = _Finder(path, wrapper.module)
            wrapper.visit(finder)
            found += finder.found
    return found


def sample(population: list[Mutant], per_module: int, seed: int) -> list[Mutant]:
    """At most so many mutants of each module, drawn without regard to the operator or to the other modules."""
    chosen = []
    for path in dict.fromkeys(mutant.path for mutant in population):
        of_module = [mutant for mutant in population if mutant.path == path]
        chosen += random.Random(f"{seed} {path}").sample(of_module, min(per_module, len(of_module)))
    return chosen


class _Finder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, path: str, module: cst.Module) -> None:
        super().__init__()
        self._path, self._module = path, module
        self._names: list[str] = []
        self._functions = 0
        self._statements: list[cst.CSTNode] = []
        self._labels: list[cst.CSTNode] = []
        self.found: list[Mutant] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if m.matches(node, SILENT) or m.matches(node, ACTORS):
            return False
        if node in self._labels or (not self._names and m.matches(node, NO_CODE)):
            return False
        if isinstance(node, cst.Call) and m.matches(node, LABELLED):
            self._labels.append(node.args[0])
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.append(node.name.value)
            self._functions += isinstance(node, cst.FunctionDef)
        if isinstance(node, cst.SimpleStatementLine):
            self._statements.append(node)
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for new in operator(node):
                    place, at_import, lines = ".".join(self._names), not self._functions, self._lines(node)
                    self.found.append(Mutant(self._path, place, at_import, lines, self._module, node, new))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        named = isinstance(original_node, cst.FunctionDef | cst.ClassDef)
        if named and not m.matches(original_node, SILENT | ACTORS):  # those were not entered
            self._names.pop()
            self._functions -= isinstance(original_node, cst.FunctionDef)
        if self._statements and self._statements[-1] is original_node:
            self._statements.pop()

    def _lines(self, node: cst.CSTNode) -> tuple[int, int]:
        """Those of the whole statement: of a call over many lines, some are never told as run."""
        whole = self._statements[-1] if self._statements else node
        place = self.get_metadata(PositionProvider, whole)
        return (place.start.line, place.end.line)
