"""`pole provide`: sell compute."""

from decimal import Decimal

import click

from offchain.chain.market import EpochSpec
from offchain.cli.options import Node, Signer, Tokens, to_units, worker_options
from offchain.cli.training import Trainers, training_options
from offchain.workers.loop import watch, watch_until
from offchain.workers.provider import Plan, Provider

SECONDS = click.IntRange(0, 2**32 - 1)


@click.command()
@click.option(
    "--capacity",
    type=Tokens(is_positive=True),
    metavar="UNITS",
    default="100",
    show_default=True,
    help="Units of your first epoch; a later one has what is left of that before, and --replenish.",
)
@click.option(
    "--replenish",
    type=Tokens(),
    metavar="UNITS",
    default="20",
    show_default=True,
    help="Units added for each later epoch.",
)
@click.option("--unit-cost", type=Tokens(), default="0.1", show_default=True, help="What a unit costs you.")
@click.option("--price-floor", type=Tokens(), default="0.1", show_default=True, help="The lowest price.")
@click.option("--price-cap", type=Tokens(), default="1", show_default=True, help="The highest price.")
@click.option(
    "--bond", type=Tokens(), default="10", show_default=True, help="Shared among what you do not deliver."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="How far from optimal the contract may let your price be.",
)
@click.option(
    "--consumers",
    type=click.IntRange(1, 2**16 - 1),
    default=100,
    show_default=True,
    help="How many may come.",
)
@click.option("--declare-seconds", type=SECONDS, default=300, show_default=True, help="Time to declare.")
@click.option(
    "--price-seconds", type=SECONDS, default=300, show_default=True, help="Your time to post a price."
)
@click.option("--buy-seconds", type=SECONDS, default=300, show_default=True, help="Time to buy.")
@click.option(
    "--leftover-seconds", type=SECONDS, default=300, show_default=True, help="Time to buy what is left."
)
@click.option("--deliver-seconds", type=SECONDS, default=900, show_default=True, help="Your time to deliver.")
@click.option("--accept-seconds", type=SECONDS, default=900, show_default=True, help="Time to look at it.")
@click.option(
    "--epochs",
    type=click.IntRange(1),
    help="End after so many epochs, or once all is sold.  [default: go on for good]",
)
@training_options
@worker_options
def provide(
    node: Node,
    account: Signer,
    trainers: Trainers,
    capacity: Decimal,
    replenish: Decimal,
    unit_cost: Decimal,
    price_floor: Decimal,
    price_cap: Decimal,
    bond: Decimal,
    tolerance: float,
    consumers: int,
    declare_seconds: int,
    price_seconds: int,
    buy_seconds: int,
    leftover_seconds: int,
    deliver_seconds: int,
    accept_seconds: int,
    epochs: int | None,
) -> None:
    """Open epochs, post the price that earns most, train what is bought, deliver.

    The price is proved on chain. A job that crashes, or takes too long or too much memory, is refunded with a part of
    your bond; it stops no other. What an epoch does not sell is offered in the next.
    """
    with node.work_as(account) as (sender, home):
        first = EpochSpec(
            capacity=to_wad_units(capacity),
            unit_cost=to_units(sender.connection, unit_cost),
            price_floor=to_units(sender.connection, price_floor),
            price_cap=to_units(sender.connection, price_cap),
            bond=to_units(sender.connection, bond),
            tolerance_wad=int(Decimal(repr(tolerance)).scaleb(18)),
            max_consumers=consumers,
            declare_seconds=declare_seconds,
            price_seconds=price_seconds,
            buy_seconds=buy_seconds,
            leftover_seconds=leftover_seconds,
            deliver_seconds=deliver_seconds,
            accept_seconds=accept_seconds,
        )
        node.tell_start("selling training", sender.address, account, "waiting for consumers")
        with trainers.open() as executor:
            provider = Provider(sender, home, Plan(first, to_wad_units(replenish), epochs), executor)
            if epochs is None:
                watch(provider.step, provider.epochs)
            else:
                watch_until(provider.step, provider.epochs, provider.opens_no_more)


def to_wad_units(amount: Decimal) -> int:
    """Compute units as the contract counts them."""
    return int(amount.scaleb(18))
