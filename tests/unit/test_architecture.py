"""Dependencies point in one direction, and every Solidity error has its Python class."""

import ast
import re
from pathlib import Path

import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.errors import BY_NAME

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("learning", "economics", "compute", "chain", "index", "dashboard", "workers", "cli")
MAY_IMPORT = {
    "learning": {"learning"},
    "economics": {"economics"},
    "compute": {"compute", "learning", "economics"},
    "chain": {"chain"},
    "index": {"index", "chain"},
    "dashboard": {"dashboard", "index", "chain", "learning"},
    "workers": {"workers", "index", "chain", "compute", "learning", "economics"},
    "cli": {"cli", "dashboard", "workers", "index", "chain", "compute", "learning", "economics"},
}
CHAIN_LIBRARIES = {"web3", "eth_account", "eth_tester", "requests"}


def imports(path: Path) -> set[str]:
    """The modules that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def files(package: str) -> list[Path]:
    return sorted((ROOT / "offchain" / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_downwards_only(package: str) -> None:
    pattern = re.compile(r"offchain\.(\w+)")
    imported = {
        (path.name, match.group(1))
        for path in files(package)
        for module in imports(path)
        if (match := pattern.match(module)) and match.group(1) in PACKAGES
    }

    assert {pair for pair in imported if pair[1] not in MAY_IMPORT[package]} == set()


@pytest.mark.parametrize("package", ["learning", "economics", "compute"])
def test_pure_packages_know_no_chain(package: str) -> None:
    roots = {(path.name, module.split(".")[0]) for path in files(package) for module in imports(path)}

    assert {pair for pair in roots if pair[1] in CHAIN_LIBRARIES} == set()


def test_nothing_off_chain_imports_ape() -> None:
    everything = {
        module.split(".")[0] for path in (ROOT / "offchain").rglob("*.py") for module in imports(path)
    }

    assert not {name for name in everything if name.startswith("ape")}


def test_every_solidity_error_has_its_python_class(artifacts: dict[str, Artifact]) -> None:
    sources = " ".join(path.read_text() for path in (ROOT / "contracts").rglob("*.sol"))
    declared = set(re.findall(r"^\s*error (\w+)\(", sources, re.MULTILINE))

    assert declared - set(BY_NAME) == set()


def test_every_error_message_can_be_built_from_the_solidity_values(artifacts: dict[str, Artifact]) -> None:
    entries = {
        entry["name"]: [parameter["name"] for parameter in entry["inputs"]]
        for artifact in artifacts.values()
        for entry in artifact.abi
        if entry["type"] == "error" and entry["name"] in BY_NAME
    }

    for name, parameters in entries.items():
        assert str(BY_NAME[name](**dict.fromkeys(parameters, 1)))
    assert set(BY_NAME) - set(entries) == set()


def test_error_names_are_unique() -> None:
    sources = [path.read_text() for path in (ROOT / "contracts").rglob("*.sol")]
    names = [name for source in sources for name in re.findall(r"^\s*error (\w+)\(", source, re.MULTILINE)]

    assert len(names) == len(set(names))
