"""Write the tables and charts of the experiments: `python -m offchain.economics.experiments NAME`."""

from pathlib import Path

import click

from offchain.economics.experiments import learning, over_time, strategies

EXPERIMENTS = {"strategies": strategies, "over-time": over_time, "learning": learning}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(EXPERIMENTS)))
@click.option("--seeds", default=200, show_default=True, type=click.IntRange(2), help="Random games of each.")
@click.option(
    "--out",
    "folder",
    default=Path("docs/results"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where tables and charts go.",
)
def main(names: tuple[str, ...], seeds: int, folder: Path) -> None:
    """Run the experiments NAMES, or all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or sorted(EXPERIMENTS):
        table = EXPERIMENTS[name].compare(seeds)
        table.write(folder)
        EXPERIMENTS[name].draw(table, folder / f"{name}.png")
        click.echo(table.markdown())


if __name__ == "__main__":
    main()
