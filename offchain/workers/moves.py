"""The tables in which the workers look up their moves."""

from typing import NoReturn, TypeVar

from offchain.chain.errors import EndpointFaulty

State = TypeVar("State", bound=tuple[object, ...])
Move = TypeVar("Move")


class Moves(dict[State, Move]):
    """A move for every state that the contracts can be in; who tells of another is not to be believed."""

    def __missing__(self, state: State) -> NoReturn:
        raise EndpointFaulty(f"a state that no contract is ever in: {', '.join(map(repr, state))}")
