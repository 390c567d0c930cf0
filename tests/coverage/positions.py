"""What a source asks to be run: its statements, and the two sides of each of its branches."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.coverage.recorder import JUMPED, JUMPI, RAN, WENT_ON

PUSH1, PUSH32, PUSH0 = 0x60, 0x7F, 0x5F
BRANCHES = {"IfStatement", "Conditional", "YulIf"}
CHECKS = {"require", "assert"}
# Of these, their parts are looked at one by one; a declaration without a value does nothing.
NOT_STATEMENTS = {"Block", "UncheckedBlock", "YulBlock", "PlaceholderStatement", "InlineAssembly"}
LOOPS = {"ForStatement", "WhileStatement", "YulForLoop"}

Place = tuple[int, int, int]  # first byte, length, number of the source


@dataclass
class Code:
    """A contract's code: what every byte of it belongs to, and how to know it again on a chain."""

    code: bytes
    places: dict[int, Place]
    immutables: list[tuple[int, int]]

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Code":
        """From what the compiler tells of bytecode."""
        code = bytes.fromhex(told["object"])
        places = dict(
            zip(_instructions(code), _places(told["sourceMap"]), strict=False)
        )  # data follows the code
        references = told.get("immutableReferences", {})
        found = [(item["start"], item["length"]) for items in references.values() for item in items]
        return cls(code, places, found)

    def is_of(self, code: bytes) -> bool:
        """Whether this is what ran as `code`: arguments may follow a constructor, and immutables are filled in."""
        if len(code) < len(self.code):
            return False
        plain = bytearray(code[: len(self.code)])
        for start, length in self.immutables:
            plain[start : start + length] = bytes(length)
        return bytes(plain) == self.code


@dataclass
class Item:
    """A statement, or a branch, of a source."""

    path: str
    line: int
    text: str
    place: Place
    is_branch: bool
    seen: int = 0
    compiled: bool = False

    @property
    def sides(self) -> int:
        """How many of a branch's two sides were taken."""
        return bool(self.seen & WENT_ON) + bool(self.seen & JUMPED)


@dataclass
class Marks:
    """What was seen of a compilation's instructions, code by code, by the places that they belong to."""

    at: dict[Place, list[list[tuple[int, int]]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, code: Code, marks: bytes) -> None:
        """Add what was seen of a code."""
        of_code: dict[Place, list[tuple[int, int]]] = defaultdict(list)
        for position, place in code.places.items():
            of_code[place].append((code.code[position], marks[position]))
        for place, seen in of_code.items():
            self.at[place].append(seen)


def items(path: str, source: str, number: int, tree: Any) -> list[Item]:
    """The statements and branches of a source."""
    content = source.encode()
    found = []
    for node, parent in _nodes(tree, {}):
        start, length = (int(part) for part in node["src"].split(":")[:2])
        text = " ".join(content[start : start + length].decode().split())
        line = content[:start].count(b"\n") + 1
        place = (start, length, number)
        if _is_branch(node):
            found.append(Item(path, line, text, place, True))
        if _is_statement(node, parent):
            found.append(Item(path, line, text, place, False))
    return found


def look(item: Item, marks: Marks) -> None:
    """Take over what a compilation's marks tell of an item."""
    if item.is_branch:
        for of_code in marks.at.get(item.place, []):
            # The first jump is the condition's; more may follow, where an error is built.
            first = next((seen for opcode, seen in of_code if opcode == JUMPI), None)
            if first is not None:
                item.compiled = True
                item.seen |= first
        return
    first_byte, length, number = item.place
    for (start, size, source), codes in marks.at.items():
        if source == number and first_byte <= start and start + size <= first_byte + length:
            item.compiled = True
            item.seen |= any(seen & RAN for of_code in codes for _, seen in of_code)


def _is_branch(node: dict[str, Any]) -> bool:
    kind: str = node["nodeType"]
    return kind in BRANCHES or (kind == "FunctionCall" and node["expression"].get("name") in CHECKS)


def _is_statement(node: dict[str, Any], parent: dict[str, Any]) -> bool:
    kind: str = node["nodeType"]
    if kind in NOT_STATEMENTS or (
        kind == "VariableDeclarationStatement" and node.get("initialValue") is None
    ):
        return False
    if kind == "YulVariableDeclaration" and node.get("value") is None:
        return False
    is_yul = kind.startswith("Yul") and parent["nodeType"] == "YulBlock"
    return is_yul or kind.endswith("Statement") or kind == "Return"


def _nodes(node: Any, parent: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    if isinstance(node, list):
        for part in node:
            yield from _nodes(part, parent)
    elif isinstance(node, dict):
        if "nodeType" in node:
            yield node, parent
            parent = node
        for part in node.values():
            yield from _nodes(part, parent)


def _instructions(code: bytes) -> Iterator[int]:
    position = 0
    while position < len(code):
        yield position
        position += 1 + (code[position] - PUSH0 if PUSH1 <= code[position] <= PUSH32 else 0)


def _places(source_map: str) -> Iterator[Place]:
    """Decode the compiler's list, in which an empty field stays as it was before."""
    now = ["0", "0", "-1"]
    for entry in source_map.split(";"):
        fields = [*entry.split(":"), "", "", ""]
        now = [new or old for new, old in zip(fields[:3], now, strict=True)]
        start, length, number = map(int, now)
        yield start, length, number
