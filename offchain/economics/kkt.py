"""The follower's proof in integers: an allocation is a best response, to the wei.

A concave utility is maximal at x exactly if its marginal utility there is the price, or x is zero and the
marginal utility no higher, or x is all the follower may buy and the marginal utility no lower. In integers
the root lies between two neighbours, so the check asks one wei to either side: the marginal utility at
x - 1 is not below the price, and at x + 1 not above it. It multiplies and compares, and never divides,
except for what a budget affords. It holds for an x exactly if the true best response is at most one wei
away, so an allocation that is ten wei off is refused.

Warning: for logarithmic utility the comparison has a product of three numbers, up to 290 bits. A contract
does not need it, because it computes the best response by itself; it serves whoever checks a contract.
"""

from collections.abc import Sequence

from offchain.economics.integer import IntegerFollowers


def is_best_response(followers: IntegerFollowers, index: int, price: int, units: int) -> bool:
    """Tell whether one follower's units (WAD) are its best response to a price (WAD), to the wei."""
    most = followers.most(index, price)
    if not 0 <= units <= most:
        return False
    not_too_much = units == 0 or followers.marginal_excess(index, price, units - 1) >= 0
    not_too_little = units == most or followers.marginal_excess(index, price, units + 1) <= 0
    return not_too_much and not_too_little


def misallocated(followers: IntegerFollowers, price: int, units: Sequence[int]) -> tuple[int, ...]:
    """List the followers whose units are not their best response.

    Examples
    --------
    >>> from offchain.economics.integer import IntegerLog
    >>> from offchain.economics.wad import LARGEST, WAD
    >>> one = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))
    >>> misallocated(one, 2 * WAD, [WAD]), misallocated(one, 2 * WAD, [WAD + 10])
    ((), (0,))
    """
    return tuple(i for i, x in enumerate(units) if not is_best_response(followers, i, price, x))
