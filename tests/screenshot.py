"""A picture of the dashboard over the stage of its tests: `python -m tests.screenshot docs/dashboard.png`."""

import tempfile
from pathlib import Path

import click

from offchain.chain.compiler import compile_contracts
from tests.browser import chromium
from tests.dashboards import staged

SIZE = {"width": 1120, "height": 1000}


@click.command(help=__doc__)
@click.argument("picture", type=click.Path(dir_okay=False, writable=True))
def main(picture: str) -> None:
    """Play, look, and write the picture."""
    artifacts = compile_contracts("contracts", "tests/contracts")
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        staged(artifacts, Path(folder)) as stage,
    ):
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.goto(stage.url)
        page.screenshot(path=picture)


if __name__ == "__main__":
    main()
