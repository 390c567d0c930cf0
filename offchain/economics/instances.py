"""Instances: games written down as JSON, read strictly.

A file holds `{"family": ..., "inputs": {...}}`, a list of such objects, or `{"families": {name: [...]}}`.
A null limit, budget or capacity stands for none. What the inputs do not know, they refuse.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from offchain.canonical import from_json
from offchain.economics.followers import FloatArray

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Column = Annotated[list[Amount], Field(min_length=1)]
PositiveColumn = Annotated[list[Positive], Field(min_length=1)]
Bounds = Annotated[list[Amount | None], Field(min_length=1)]

MAX_FILE_BYTES = 256 * 1024 * 1024


class InvalidInstanceError(ValueError):
    """An instance that describes no game; the message is one line and names the field."""


class Inputs(BaseModel):
    """What all families check: columns of one length and prices in order."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    # Columns that describe the same followers, and so have the same length.
    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the columns of one length."""
        return ("a", "k", "b", "d", "B", "h")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = {name: getattr(self, name, None) for name in self.columns()}
        sizes = {name: len(column) for name, column in found.items() if column is not None}
        if len(set(sizes.values())) > 1:
            raise ValueError(
                "columns differ in length: " + ", ".join(f"{k} has {n}" for k, n in sizes.items())
            )
        low, high = getattr(self, "pmin", 0.0), getattr(self, "pmax", np.inf)
        if low > high:
            raise ValueError(f"price bounds are crossed: pmin {low} is above pmax {high}")
        return self


class UniformPrice(Inputs):
    """One price between bounds, with a cost and a capacity."""

    c: Amount
    Q: Amount | None
    pmin: Amount
    pmax: Positive


class LogInputs(UniformPrice):
    """Logarithmic consumers: `log_uniform` and `log_discriminatory`."""

    a: Column
    k: Column
    d: Bounds
    B: Bounds | None = None


class QuadInputs(UniformPrice):
    """Quadratic consumers: `quad_uniform` and `quad_discriminatory`."""

    a: Column
    b: PositiveColumn
    d: Bounds


class PowerInputs(UniformPrice):
    """Consumers of constant elasticity: `power_uniform`."""

    a: Column
    sigma: Annotated[float, Field(gt=0, lt=1)]
    d: Bounds


class MixedInputs(LogInputs):
    """Training consumers and a mining pool: `mixed_uniform`."""

    V: Column


class ContestInputs(Inputs):
    """Miners with limits at one price: `tullock_uniform`."""

    V: Column
    d: Bounds
    c: Amount
    pmin: Amount
    pmax: Positive

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Each miner has a prize and a limit."""
        return ("V", "d")


class OutsideInputs(Inputs):
    """Miners with an outside option: `tullock_outside`."""

    V: Column
    h: Annotated[list[Positive | None], Field(min_length=1)]
    c: Amount
    pmin: Amount
    pmax: Positive

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Each miner has a prize and an outside cost."""
        return ("V", "h")


class ContestPricesInputs(Inputs):
    """Miners with a price each: `tullock_discriminatory`."""

    V: Column
    c: Amount
    pmax: Positive


class ClearingInputs(Inputs):
    """Several leaders for the same consumers: `multi_leader_clearing`."""

    a: Column
    k: Column
    d: Bounds
    costs: Column
    capacities: Column
    pmax: Positive

    @model_validator(mode="after")
    def _leaders(self) -> Self:
        if len(self.costs) != len(self.capacities):
            raise ValueError(f"costs has {len(self.costs)} leaders, capacities has {len(self.capacities)}")
        return self


class CoupledInputs(Inputs):
    """Consumers who train and mine: `coupled_train_mine`."""

    a: Column
    k: Column
    V: Column
    d: Bounds
    price: Positive

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Each consumer trains, mines and has a limit."""
        return ("a", "k", "V", "d")


FAMILIES: dict[str, type[Inputs]] = {
    "log_uniform": LogInputs,
    "quad_uniform": QuadInputs,
    "power_uniform": PowerInputs,
    "mixed_uniform": MixedInputs,
    "tullock_uniform": ContestInputs,
    "tullock_outside": OutsideInputs,
    "log_discriminatory": LogInputs,
    "quad_discriminatory": QuadInputs,
    "tullock_discriminatory": ContestPricesInputs,
    "multi_leader_clearing": ClearingInputs,
    "coupled_train_mine": CoupledInputs,
}


class Instance(BaseModel):
    """One game: its family, its inputs and its name, if it has one."""

    model_config = ConfigDict(frozen=True)

    family: str
    inputs: Inputs
    id: str | None = None


def unbounded(column: list[float | None]) -> FloatArray:
    """Read null as infinity, shape (n,)."""
    return np.array([np.inf if number is None else number for number in column], dtype=np.float64)


def read_instances(text: str) -> tuple[list[Instance], bool]:
    """Parse a file; also tell whether it holds a list.

    Raises
    ------
    InvalidInstanceError
        At the first thing that is wrong, in one line.
    """
    try:
        document: Any = from_json(text.encode(), MAX_FILE_BYTES)
    except ValueError as error:
        raise InvalidInstanceError(f"not JSON: {error}") from None
    listed = not (isinstance(document, dict) and "families" not in document)
    instances = [_parse(where, raw) for where, raw in _entries(document)]
    if not instances:
        raise InvalidInstanceError("the file holds no instance")
    return instances, listed


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    """Each instance with what to call it in an error."""
    if isinstance(document, list):
        yield from ((f"instance {index}", raw) for index, raw in enumerate(document, start=1))
    elif isinstance(document, dict) and isinstance(document.get("families"), dict):
        for family, members in document["families"].items():
            if not isinstance(members, list):
                raise InvalidInstanceError(f"families.{family} must be a list of instances")
            for index, raw in enumerate(members, start=1):
                named = {"family": family, **raw} if isinstance(raw, dict) else raw
                yield f"{family} {index}", named
    else:
        yield "instance", document


def _parse(where: str, raw: Any) -> Instance:
    if not isinstance(raw, dict):
        raise InvalidInstanceError(f"{where}: must be an object with family and inputs")
    family, name = raw.get("family"), raw.get("id")
    if not isinstance(family, str) or family not in FAMILIES:
        raise InvalidInstanceError(f"{where}: unknown family {family!r}; known are {', '.join(FAMILIES)}")
    if name is not None and not isinstance(name, str):
        raise InvalidInstanceError(f"{where}: id must be a string")
    try:
        inputs = FAMILIES[family].model_validate(raw.get("inputs"))
    except ValidationError as error:
        raise InvalidInstanceError(f"{where}: {_first_line(error)}") from None
    return Instance(family=family, inputs=inputs, id=name)


def _first_line(error: ValidationError) -> str:
    first, others = error.errors()[0], error.error_count() - 1
    # The kind of a union's branch is part of pydantic's path but not of the file's.
    path = [str(part) for part in ("inputs", *first["loc"]) if part not in ("float", "none")]
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {others} more)" if others else ""
    return f"{'.'.join(path)}: {message}{more}"
