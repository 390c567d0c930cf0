"""Runs every benchmark, prints its table and writes docs/results/bench.json."""

import json
from pathlib import Path

from benchmarks import dask, index, mapping, market, misreport, pricing, protocol, quantisation, scoring

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
SECTIONS = {
    "protocol": protocol.run,
    "market": market.run,
    "scoring": scoring.run,
    "quantisation": quantisation.run,
    "secure mapping": mapping.run,
    "pricing": pricing.run,
    "misreporting": misreport.run,
    "index": index.run,
    "dask": dask.run,
}


def main() -> None:
    """Measure all sections."""
    results = {name: run() for name, run in SECTIONS.items()}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "bench.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
