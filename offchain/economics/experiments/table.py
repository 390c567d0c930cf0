"""A table of results with confidence intervals, as Markdown and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student  # type: ignore[import-untyped]

from offchain.economics.followers import FloatArray


class Estimate(NamedTuple):
    """A mean and the half width of its 95% confidence interval (Student's t over seeds)."""

    mean: float
    half_width: float

    @classmethod
    def of(cls, samples: Sequence[float] | FloatArray) -> "Estimate":
        """Estimate the mean of independent samples, at least two."""
        values = np.asarray(samples, dtype=np.float64)
        error = float(values.std(ddof=1)) / np.sqrt(values.size)
        return cls(float(values.mean()), float(student.ppf(0.975, values.size - 1)) * float(error))

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.half_width:.3f}" if self.half_width > 0 else f"{self.mean:.3f}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of estimates under named columns, with what was measured and what follows from it."""

    name: str
    title: str
    conditions: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Estimate, ...]], ...]
    findings: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The table with its conditions above, its chart and its findings below."""
        head = f"| | {' | '.join(self.columns)} |\n|---|{'---|' * len(self.columns)}"
        body = "\n".join(f"| {name} | {' | '.join(map(str, cells))} |" for name, cells in self.rows)
        parts = [f"# {self.title}", self.conditions, f"{head}\n{body}", f"![{self.title}]({self.name}.png)"]
        if self.findings:
            parts.append("\n".join(f"- {finding}" for finding in self.findings))
        parts.append(f"Reproduce: `python -m offchain.economics.experiments {self.name}`")
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Write the Markdown page and the figures behind it."""
        figures = {
            "title": self.title,
            "conditions": self.conditions,
            "rows": {
                name: {column: cell._asdict() for column, cell in zip(self.columns, cells, strict=True)}
                for name, cells in self.rows
            },
        }
        (folder / f"{self.name}.md").write_text(self.markdown(), encoding="utf-8")
        (folder / f"{self.name}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
