"""How wide the scorer's lanes are, and so how large a bias may be.

The scorer on chain adds up ten neurons in one 256-bit word. A neuron's sum over `n` inputs lies within
`32640 n = 128 * 255 * n` of its bias, and must stay within half of its lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LARGEST_PRODUCT: Final = 128 * 255


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of a word: how many fit, and the bound on a signed sum's magnitude."""

    count: int
    half_range: int


_HIDDEN_NARROW: Final = Lane(11, 2**22)
_HIDDEN_WIDE: Final = Lane(8, 2**31)
_OUTPUT_NARROW: Final = Lane(10, 2**23)
_OUTPUT_WIDE: Final = Lane(8, 2**30)

NARROW_HIDDEN_FAN_IN: Final = 96
NARROW_OUTPUT_FAN_IN: Final = 192


def lane_of(fan_in: int, *, is_output: bool) -> Lane:
    """The lane of a layer's neurons; an output lane keeps its top bit free for comparing."""
    if is_output:
        return _OUTPUT_NARROW if fan_in <= NARROW_OUTPUT_FAN_IN else _OUTPUT_WIDE
    return _HIDDEN_NARROW if fan_in <= NARROW_HIDDEN_FAN_IN else _HIDDEN_WIDE


def bias_limit(fan_in: int, *, is_output: bool) -> int:
    """The largest magnitude of a bias: `half_range - 32640 fan_in - 1`.

    >>> bias_limit(64, is_output=False)
    2105343
    """
    return lane_of(fan_in, is_output=is_output).half_range - _LARGEST_PRODUCT * fan_in - 1
