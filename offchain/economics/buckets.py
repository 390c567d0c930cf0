"""Which segments can hold the optimum: a cover bound on buckets of prices, so that few need sorting.

Demand never rises with the price, so no price in [l, u] earns more than (u - c) min(D(l), Q). Summing the
changes of demand in buckets gives D at every bucket's edge in O(n); buckets whose bound is below a profit
already found are left out, and only the breakpoints in the others are sorted.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offchain.economics.followers import Change, FloatArray
from offchain.economics.segments import Segments, aggregate, build, first_segment, merge, within

if TYPE_CHECKING:
    from offchain.economics.leader import LeaderGame

# Below this many followers sorting everything is faster than sieving.
_SORT_ALL = 20_000
_BUCKETS = 1 << 16
# Sums in buckets round differently from sums in order; no bound may be missed for that.
_SLACK = 1e-6


def promising_segments(game: "LeaderGame", low: float, high: float) -> Segments:
    """Segments on [low, high] among which is the optimal one, and the one where demand meets capacity."""
    followers, scale = game.followers, game.scale
    changes = followers.changes(scale)
    if sum(change.at.size for change in changes) <= _SORT_ALL or low >= high:
        return aggregate(followers, low, high, scale)
    edges, owners = _assign(changes, low, high)
    at_edges = _cumulate(first_segment(followers, low, high, scale), changes, owners, edges)
    return _cut(changes, owners, at_edges, _hopeful(game, at_edges))


def _assign(
    changes: tuple[Change, ...], low: float, high: float
) -> tuple[FloatArray, list[NDArray[np.int64]]]:
    """Edges of the buckets, and the bucket of each change, counted from one: zero takes what is up to low.

    What is above `high` goes to one more bucket, or to the last one: it matters to no edge below it.

    The bits of a positive double, read as an integer, grow with it, and nearly as its logarithm does;
    shifting them is an order of magnitude cheaper than taking the logarithm.
    """
    # A change at `low` itself is part of the base, so the first bucket begins one ulp above it.
    first, last = (int(bits) for bits in np.array([low, high]).view(np.int64))
    first += 1
    shift = max((last - first).bit_length() - _BUCKETS.bit_length() + 1, 0)
    count = ((last - first) >> shift) + 1
    edges = (first + (np.arange(count + 1) << shift)).view(np.float64)
    edges[0], edges[-1] = low, high
    owners = []
    for change in changes:
        bits = change.at.view(np.int64) - (first - (1 << shift))
        bits >>= shift
        np.clip(bits, 0, count + 1, out=bits)
        owners.append(bits)
    return edges, owners


def _cumulate(
    base: Segments, changes: tuple[Change, ...], owners: list[NDArray[np.int64]], edges: FloatArray
) -> Segments:
    """Demand just above the lower edge of each bucket, as if no breakpoint were inside."""
    count = edges.size - 1

    def total(column: int, first: float) -> tuple[FloatArray, float]:
        running, gross = np.full(count, first, dtype=np.longdouble), 0.0
        for change, owner in zip(changes, owners, strict=True):
            if (steps := change[column]) is not None:
                # The outer buckets take what lies outside the bounds, where steps may be infinite.
                inside = np.bincount(owner, weights=steps, minlength=count + 2)[1 : count + 1]
                running[1:] += np.cumsum(inside[:-1], dtype=np.longdouble)
                gross += float(np.abs(inside).sum())  # the steps of one group have one sign
        return running.astype(np.float64), gross

    (inverse, _), (constant, gross) = total(1, base.inverse[0]), total(2, base.constant[0])
    linear, gross_linear = total(3, base.linear[0])
    # Up to the last edge: more than any one bucket has lost to rounding.
    mass = base.mass[0] + gross + gross_linear * edges[1:]
    return Segments(base.exponent, base.scale, edges[:-1], edges[1:], inverse, constant, linear, mass)


def _hopeful(game: "LeaderGame", buckets: Segments) -> NDArray[np.bool_]:
    wanted = np.minimum(buckets.demand(buckets.start), game.capacity)
    with np.errstate(invalid="ignore"):
        reached = np.nanmax((buckets.start - game.unit_cost) * wanted)
    keep = (buckets.end - game.unit_cost) * wanted >= reached - _SLACK * abs(reached)
    crowded = np.flatnonzero(wanted >= game.capacity)
    if crowded.size:
        # Rounding may put the crossing into the next bucket.
        keep[max(crowded[-1] - 1, 0) : crowded[-1] + 2] = True
    return np.asarray(keep)


def _cut(
    changes: tuple[Change, ...], owners: list[NDArray[np.int64]], buckets: Segments, keep: NDArray[np.bool_]
) -> Segments:
    """Sort the changes in the kept buckets, run by run of neighbouring buckets."""
    flags = np.concatenate(([False], keep, [False]))
    joined = merge(tuple(within(c, np.flatnonzero(flags[o])) for c, o in zip(changes, owners, strict=True)))
    steps = np.diff(flags.astype(np.int8))
    runs = []
    for first, last in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
        base = buckets[np.array([first])]
        base = replace(base, end=buckets.end[last - 1 : last])
        runs.append(build(base, within(joined, (joined.at >= base.start) & (joined.at < base.end))))
    return Segments.join(runs)
