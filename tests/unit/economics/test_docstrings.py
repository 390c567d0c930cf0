"""Every example in the docstrings of the economics package runs and prints what it says."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest

import offchain.economics

MODULES = [f"offchain.economics.{module.name}" for module in iter_modules(offchain.economics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
