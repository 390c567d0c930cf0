"""Charts, with matplotlib, which only whoever draws one needs to have installed."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from offchain.economics.followers import FloatArray
from offchain.economics.leader import LeaderGame, LeaderSolution, local_maximisers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK, _LINE, _ACCENT, _QUIET = "#222222", "#1f5fa8", "#c8421f", "#9a9a9a"
# More breakpoints than this blacken the axis.
_MOST_TICKS = 400


def new_figure(width: float = 8.0, height: float = 4.6) -> "Figure":
    """A figure in the style that all charts here share, drawn without a display."""
    try:
        from matplotlib import rcParams
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RuntimeError("charts need matplotlib: pip install matplotlib") from error
    rcParams.update(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": _INK,
            "axes.grid": True,
            "grid.color": "#e6e6e6",
            "axes.axisbelow": True,
            "legend.frameon": False,
            "font.size": 10,
        }
    )
    return Figure(figsize=(width, height), layout="constrained")


def draw_profit(solution: LeaderSolution, path: Path) -> None:
    """Profit against price, with breakpoints, local maxima and the optimum.

    Raises
    ------
    RuntimeError
        If matplotlib is not installed.
    """
    game = solution.game
    figure = new_figure()
    axes = figure.add_subplot()
    prices = _sampled(game)
    axes.plot(prices, [game.profit(price) for price in prices], color=_LINE, linewidth=1.6, label="profit")
    inside = _inside(game)
    if inside.size <= _MOST_TICKS:
        axes.plot(
            inside,
            np.full(inside.size, 0.012),
            "|",
            color=_QUIET,
            markersize=9,
            transform=axes.get_xaxis_transform(),
            label=f"breakpoints ({inside.size})",
        )
    tops = local_maximisers(game)
    heights = [game.profit(price) for price in tops]
    axes.plot(tops, heights, "o", color="white", markeredgecolor=_LINE, label=f"local maxima ({tops.size})")
    axes.plot(solution.price, solution.profit, "D", color=_ACCENT, markersize=8, label="optimum")
    axes.annotate(
        f"price {solution.price:.6g}\nprofit {solution.profit:.6g}",
        (solution.price, solution.profit),
        textcoords="offset points",
        xytext=(12, 8),
        color=_ACCENT,
    )
    axes.set_xlabel("price, money per unit")
    axes.set_ylabel("profit, money")
    axes.margins(y=0.15)
    low, high = game.price_bounds
    if low > 0 and high / low > 100:
        axes.set_xscale("log")
    figure.legend(loc="outside upper center", ncols=4)
    figure.savefig(path, dpi=150)


def _inside(game: LeaderGame) -> FloatArray:
    points = game.followers.breakpoints()
    low, high = game.price_bounds
    return np.asarray(points[(low <= points) & (points <= high)])


def _sampled(game: LeaderGame) -> FloatArray:
    """Prices dense enough for a smooth line, and the breakpoints, so that no kink is cut off."""
    low, high = game.search_range
    low = low or high * 1e-6
    inside = _inside(game)
    kinks = inside[inside >= low]
    if kinks.size > _MOST_TICKS:
        kinks = np.empty(0)
    even = (np.linspace(low, high, 800), np.geomspace(low, high, 400))
    return np.asarray(np.unique(np.clip(np.concatenate((*even, kinks, local_maximisers(game))), low, high)))
