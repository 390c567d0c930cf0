"""Fixed point: the one place where floats become integers with 18 decimals (WAD, 1e18 = 1.0)."""

from decimal import ROUND_DOWN, Decimal, localcontext

WAD = 10**18
# Every quantity of the market fits an unsigned integer of 96 bits: up to 79 billion whole units or coins.
# Then no product in `integer` demand or `cover` exceeds 256 bits, so a contract can form the same ones.
LARGEST = 2**96 - 1


def to_wad(number: float) -> int:
    """Read a float as the decimal number it prints as, and cut it after 18 decimals.

    Inputs of at most 18 decimals are exact, infinity is the largest WAD.

    Raises
    ------
    ValueError
        If the number is negative, NaN, or too large for 96 bits.

    Examples
    --------
    >>> to_wad(0.1)
    100000000000000000
    """
    if number == float("inf"):
        return LARGEST
    if not number >= 0:
        raise ValueError(f"{number} has no fixed-point form: it is negative or NaN")
    with localcontext(prec=60):
        units = int((Decimal(repr(float(number))) * WAD).to_integral_value(rounding=ROUND_DOWN))
    if units > LARGEST:
        raise ValueError(f"{number} is too large for 96 bits with 18 decimals")
    return units
