"""A picture of the dashboard over the stage of its tests: `python -m tests.screenshot docs/dashboard.png`."""

import sys
import tempfile
from pathlib import Path

from offchain.chain.compiler import compile_contracts
from tests.browser import chromium
from tests.dashboards import staged

SIZE = {"width": 1120, "height": 1000}


def main() -> None:
    """Play, look, and write the picture."""
    artifacts = compile_contracts("contracts", "tests/contracts")
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        staged(artifacts, Path(folder)) as stage,
    ):
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.goto(stage.url)
        page.screenshot(path=sys.argv[1])


if __name__ == "__main__":
    main()
