"""Which segments can hold the optimum: a cover bound on buckets of prices, so that few need sorting.

Demand never rises with the price, so no price in [l, u] earns more than (u - c) min(D(l), Q). Summing the
changes of demand in buckets gives D at every bucket's edge in O(n); buckets whose bound is below a profit
already found are left out, and only the breakpoints in the others are sorted.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offchain.economics.followers import Change, FloatArray
from offchain.economics.groups import chosen, parts, total_coefficients
from offchain.economics.segments import Segments, aggregate, build, merge, within

if TYPE_CHECKING:
    from offchain.economics.leader import LeaderGame

# With fewer changes than this, sorting everything is faster than sieving.
_SORT_ALL = 2_000
_BUCKETS = 1 << 15
# Sums in buckets round differently from sums in order; no bound may be missed for that.
_SLACK = 1e-6


def promising_segments(game: "LeaderGame", low: float, high: float) -> Segments:
    """Segments on [low, high] among which is the optimal one, and the one where demand meets capacity."""
    followers, scale = game.followers, game.scale
    # A power of the price other than the first gives weights too uneven to be taken from a total.
    if not 0 < low < high or followers.size <= _SORT_ALL or followers.exponent != 1:
        return aggregate(followers, low, high, scale)
    # Fewer buckets for fewer consumers: summing up buckets must not cost more than sorting.
    grid = _Grid.over(low, high, min(_BUCKETS, 1 << max(followers.size.bit_length() - 2, 2)))
    owners: list[list[NDArray[np.int32]]] = []
    buckets = _cumulate(game, grid, owners)
    flags = np.concatenate(([False], _hopeful(game, buckets), [False]))
    kept: list[Change] = []
    for part, groups in zip(parts(followers), owners, strict=True):
        # Whoever changes in a kept bucket; what changes elsewhere is cut off with the other buckets.
        concerned = [flags[group] for group in groups]
        some = chosen(part, np.flatnonzero(np.logical_or.reduce(concerned))) if groups else part
        kept += some.changes(scale)
    return _cut(merge(tuple(kept)), buckets, flags)


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Buckets of prices by the leading bits of a double.

    The bits of a positive double, read as an integer, grow with it, and nearly as its logarithm does;
    shifting them is an order of magnitude cheaper than taking the logarithm.
    """

    first: int
    shift: int
    edges: FloatArray

    @classmethod
    def over(cls, low: float, high: float, most: int) -> "_Grid":
        """Cut [low, high] into about so many, the first of them open: what is at `low` has happened there."""
        first, last = (int(bits) for bits in np.array([low, high]).view(np.int64))
        first += 1
        shift = max((last - first).bit_length() - most.bit_length() + 1, 0)
        count = ((last - first) >> shift) + 1
        edges = (first + (np.arange(count + 1) << shift)).view(np.float64)
        edges[0], edges[-1] = low, high
        return cls(first, shift, edges)

    @property
    def count(self) -> int:
        """Number of buckets."""
        return int(self.edges.size) - 1

    def owners(self, prices: FloatArray) -> NDArray[np.int64]:
        """Bucket of each price, counted from one; zero takes what is up to the lowest edge.

        What is above the highest edge goes to one more bucket, or to the last: it matters to no edge.
        """
        bits: NDArray[np.int64] = prices.view(np.int64) - (self.first - (1 << self.shift))
        bits >>= self.shift
        return np.clip(bits, 0, self.count + 1, out=bits)


def _cumulate(game: "LeaderGame", grid: _Grid, owners: list[list[NDArray[np.int32]]]) -> Segments:
    """Demand just above the lower edge of each bucket, as if no breakpoint were inside.

    Appends to `owners` the buckets of the changes, for each part and group.
    """
    # The steps of one group all have one sign, so its sums tell how much has been added in all.
    groups: dict[tuple[type, int, int], FloatArray] = {}
    for part in parts(game.followers):
        owners.append([])
        for place, change in enumerate(part.changes(game.scale)):
            owner = grid.owners(change.at)
            owners[-1].append(owner.astype(np.int32))
            for row, steps in enumerate(change[1:]):
                if steps is not None:
                    # Bucket zero takes what lies below the bounds, where steps may be infinite.
                    inside = np.bincount(owner, weights=steps, minlength=grid.count + 2)[1:]
                    key = (type(part), place, row)
                    groups[key] = inside + groups.get(key, 0.0)
    sums, gross = np.zeros((3, grid.count + 1)), np.zeros(3)
    for (_, _, row), group in groups.items():
        sums[row] += group
        gross[row] += float(np.abs(group).sum())
    # From the highest price down, where few still buy: what is above an edge has not happened at it.
    last = total_coefficients(game.followers, np.inf, game.scale)
    above = np.cumsum(sums[:, ::-1], axis=1, dtype=np.longdouble)[:, :0:-1]
    inverse, constant, linear = (np.array(last)[:, None] - above).astype(np.float64)
    start, end = grid.edges[:-1], grid.edges[1:]
    # More than any one bucket has lost to rounding, in units at its lower edge.
    mass = (abs(last.inverse) + gross[0]) * game.scale / start
    mass += abs(last.constant) + gross[1] + (last.linear + gross[2]) * end
    return Segments(game.followers.exponent, game.scale, start, end, inverse, constant, linear, mass)


def _hopeful(game: "LeaderGame", buckets: Segments) -> NDArray[np.bool_]:
    demand, margin = buckets.demand(buckets.start), 2.0**-50 * buckets.mass
    with np.errstate(invalid="ignore"):
        most, least = (np.clip(demand + error, 0.0, game.capacity) for error in (margin, -margin))
        reached = np.nanmax((buckets.start - game.unit_cost) * least)
        keep = (buckets.end - game.unit_cost) * most >= reached - _SLACK * abs(reached)
    crowded = np.flatnonzero(most >= game.capacity)
    if crowded.size:
        # Rounding may put the crossing into the next bucket.
        keep[max(crowded[-1] - 1, 0) : crowded[-1] + 2] = True
    return np.asarray(keep)


def _cut(joined: Change, buckets: Segments, flags: NDArray[np.bool_]) -> Segments:
    """Sort the changes in the kept buckets, run by run of neighbouring buckets."""
    steps = np.diff(flags.astype(np.int8))
    runs = []
    for first, last in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
        base = replace(buckets[np.array([first])], end=buckets.end[last - 1 : last])
        runs.append(build(base, within(joined, (joined.at >= base.start) & (joined.at < base.end))))
    return Segments.join(runs)
