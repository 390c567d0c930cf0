"""Aggregate demand between consecutive breakpoints, and the best price of each segment in closed form."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from offchain.economics.followers import Change, FloatArray, PiecewiseFollowers
from offchain.economics.groups import total_coefficients

# Enough halvings for the width of any pair of doubles of one magnitude to reach one unit in the last place.
_BISECTIONS = 90


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    r"""Demand :math:`D(p) = A (s / p)^\theta + E - G p` on each interval [start, end].

    Attributes
    ----------
    start, end : ndarray, shape (m,), prices
    inverse, constant, linear : ndarray, shape (m,), A, E and G
    mass : ndarray, shape (m,), units: the sum of the absolute values that were added up to get the demand,
        which rounding errors are proportional to
    exponent, scale : theta and s
    """

    exponent: float
    scale: float
    start: FloatArray
    end: FloatArray
    inverse: FloatArray
    constant: FloatArray
    linear: FloatArray
    mass: FloatArray

    def __len__(self) -> int:
        return int(self.start.size)

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Segments":
        """Select some of the segments."""
        arrays = [getattr(self, field.name)[chosen] for field in fields(self)[2:]]
        return Segments(self.exponent, self.scale, *arrays)

    @classmethod
    def join(cls, runs: "list[Segments]") -> "Segments":
        """Concatenate segments of the same demand, in order of price."""
        columns = [np.concatenate([getattr(run, f.name) for run in runs]) for f in fields(cls)[2:]]
        return cls(runs[0].exponent, runs[0].scale, *columns)

    def demand(self, price: FloatArray) -> FloatArray:
        """Demand at one price of each segment, shape (m,), units; infinite at price zero if unlimited."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inverse = np.where(self.inverse > 0, self.inverse * (self.scale / price) ** self.exponent, 0.0)
        return np.asarray(inverse + self.constant - self.linear * price)

    def steepness(self, price: float) -> tuple[float, float]:
        """Largest rate at which demand falls at `price` on any of these segments, and the least demand."""
        at = np.full(len(self), price)
        wanted = self.demand(at)
        inverse = self.exponent * (wanted - self.constant + self.linear * at) / at
        return float((inverse + self.linear).max()), float(wanted.min())

    def slope(self, price: FloatArray, unit_cost: float) -> FloatArray:
        r"""Derivative of the profit, :math:`E + cG - 2Gp + A (s/p)^\theta (1 - \theta + \theta c / p)`."""
        theta = self.exponent
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            factor = (1 - theta) + theta * unit_cost / price
            inverse = np.where(self.inverse > 0, self.inverse * (self.scale / price) ** theta * factor, 0.0)
        return np.asarray(self.constant + self.linear * (unit_cost - 2 * price) + inverse)

    def slope_sign(self, price: FloatArray, unit_cost: float) -> FloatArray:
        """Sign of the slope, zero where what is left of it is rounding, shape (m,)."""
        theta = self.exponent
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            factor = (theta - 1) + theta * unit_cost / price
            inverse = np.where(self.inverse > 0, self.inverse * (self.scale / price) ** theta * factor, 0.0)
        noise = 1e-14 * (self.mass + np.abs(self.linear) * (unit_cost + 2 * price) + inverse)
        slope = np.nan_to_num(self.slope(price, unit_cost))
        return np.where(np.abs(slope) > noise, np.sign(slope), 0.0)

    def turn(self, unit_cost: float) -> FloatArray:
        """Price in each segment up to which profit is concave, shape (m,)."""
        if self.exponent == 1:
            return self.end
        turn = unit_cost * (self.exponent + 1) / (self.exponent - 1)
        return np.asarray(np.clip(turn, self.start, self.end))

    def above(self, price: float) -> "Segments":
        """Drop what lies below one price."""
        kept = self[self.end >= price]
        return replace(kept, start=np.maximum(kept.start, price))

    def maximisers(self, unit_cost: float) -> FloatArray:
        """Best price of each segment that is not its end, shape (m,); unlimited capacity.

        For theta = 1 profit is concave on a segment and this is its maximiser. For theta > 1 it is concave
        up to c (theta + 1) / (theta - 1) and convex after, so only the end can be better.
        """
        if self.exponent == 1:
            return self._rational_maximisers(unit_cost)
        return self._falling_root(np.arange(len(self)), unit_cost, self.turn(unit_cost))

    def clearing(self, capacity: float) -> FloatArray:
        """Price in each segment at which demand falls to `capacity`; only where it does, shape (m,)."""
        short = capacity - self.constant
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.exponent != 1:
                price = self.scale * (self.inverse / short) ** (1 / self.exponent)
            else:
                inverse = self.inverse * self.scale
                root = np.sqrt(np.maximum(short**2 + 4 * inverse * self.linear, 0.0))
                price = np.where(
                    short > 0,
                    2 * inverse / (short + root),
                    (root - short) / (2 * self.linear),
                )
        return np.clip(np.where(np.isfinite(price), price, self.end), self.start, self.end)

    def _rational_maximisers(self, unit_cost: float) -> FloatArray:
        inverse = self.inverse * self.scale
        with np.errstate(divide="ignore", invalid="ignore"):
            curve = np.sqrt(unit_cost * inverse / -self.constant)
            curve = np.where(self.constant < 0, curve, np.inf)
            line = (self.constant + unit_cost * self.linear) / (2 * self.linear)
        price = np.where(self.linear > 0, np.where(inverse > 0, np.nan, line), curve)
        price = np.clip(price, self.start, self.end)
        mixed = np.flatnonzero(np.isnan(price))
        if mixed.size:
            price[mixed] = self._falling_root(mixed, unit_cost, self.end[mixed])
        return price

    def _falling_root(self, chosen: NDArray[np.intp], unit_cost: float, end: FloatArray) -> FloatArray:
        """Where the slope falls through zero between the starts and `end`; an end if it does not."""
        part = self[chosen]
        low, high = part.start.copy(), end.copy()
        for _ in range(_BISECTIONS):
            middle = low + (high - low) / 2
            rising = part.slope(middle, unit_cost) > 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        return np.where(part.slope(end, unit_cost) > 0, end, low)


def single_segment(followers: PiecewiseFollowers, start: float, end: float, scale: float) -> Segments:
    """The piece of demand that holds inside (start, end), with coefficients summed afresh.

    Running sums lose digits where large consumers have left; a sum over those who are there does not.
    """
    inverse, constant, linear = total_coefficients(followers, start + (end - start) / 2, scale)
    columns = [np.array([number]) for number in (start, end, inverse, constant, linear, abs(constant))]
    return Segments(followers.exponent, scale, *columns)


def build(base: Segments, changes: Change) -> Segments:
    """Cut one segment at the changes inside it and add the changes up, in order of price."""
    order = np.argsort(changes.at, kind="stable")
    at = changes.at[order]
    start, end = np.concatenate((base.start, at)), np.concatenate((at, base.end))
    columns = []
    for first, steps in zip((base.inverse, base.constant, base.linear), changes[1:], strict=True):
        running = np.full(start.size, first[0], dtype=np.longdouble)
        if steps is not None:
            running[1:] += np.cumsum(steps[order], dtype=np.longdouble)
        columns.append(running.astype(np.float64))
    mass = base.mass[0] + _gross(changes.constant, order) + _gross(changes.linear, order) * end
    inverse, constant, linear = columns
    return Segments(base.exponent, base.scale, start, end, inverse, constant, linear, mass)


def _gross(steps: FloatArray | None, order: NDArray[np.intp]) -> FloatArray:
    if steps is None:
        return np.zeros(order.size + 1)
    return np.concatenate(([0.0], np.cumsum(np.abs(steps[order]))))


def merge(changes: tuple[Change, ...]) -> Change:
    """Concatenate the changes of several groups; None stays None where nobody changes a coefficient."""

    def joined(column: int) -> FloatArray | None:
        if all(change[column] is None for change in changes):
            return None
        parts = (np.zeros(change.at.size) if change[column] is None else change[column] for change in changes)
        return np.concatenate(list(parts))

    if not changes:
        return Change(np.empty(0), None, None, None)
    return Change(np.concatenate([change.at for change in changes]), joined(1), joined(2), joined(3))


def within(change: Change, inside: NDArray[np.bool_] | NDArray[np.intp]) -> Change:
    """Keep some of the consumers of one group of changes."""
    return Change(change.at[inside], *(None if steps is None else steps[inside] for steps in change[1:]))


def aggregate(followers: PiecewiseFollowers, low: float, high: float, scale: float) -> Segments:
    """All segments of demand on [low, high]; O(n log n)."""
    changes = tuple(within(c, (c.at > low) & (c.at < high)) for c in followers.changes(scale))
    return build(first_segment(followers, low, high, scale), merge(changes))


def first_segment(followers: PiecewiseFollowers, low: float, high: float, scale: float) -> Segments:
    """Demand just above `low`, before any change."""
    base = total_coefficients(followers, low, scale)
    # An inverse part is at least as large as the constant part that is taken from it, and the changes of
    # the one are no larger than those of the other, so the mass is counted with the constant.
    reach = base.inverse * (scale / low) ** followers.exponent if base.inverse > 0 and low > 0 else 0.0
    mass = abs(base.constant) + 2 * reach + base.linear * high
    columns = [np.array([number]) for number in (low, high, *base, mass)]
    return Segments(followers.exponent, scale, *columns)


def clearing_price(segments: Segments, followers: PiecewiseFollowers, capacity: float) -> float:
    """Smallest price on the segments at which demand fits into `capacity`; the highest if none does.

    `segments` may leave out prices, but not the one at which demand falls to capacity.
    """
    crowded = np.flatnonzero(segments.demand(segments.start) > capacity)
    if not crowded.size:
        return float(segments.start[0])
    last = crowded[-1]
    fresh = single_segment(followers, float(segments.start[last]), float(segments.end[last]), segments.scale)
    price = float(fresh.clearing(capacity)[0])
    # The closed form may miss by an ulp, and a sale above capacity is what a contract would refuse.
    for ulps in (1, 1, 2, 4, 8):
        if float(followers.demand(price).sum()) <= capacity:
            break
        price = min(price * (1 + ulps * 2.0**-52), float(segments.end[-1]))
    return price
