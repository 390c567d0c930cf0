"""`pole vault`: an account's money."""

from decimal import Decimal

import click

from offchain.chain.vault import TokenClient, VaultClient
from offchain.cli.configuration import ConfiguredGroup
from offchain.cli.options import (
    Node,
    Signer,
    Tokens,
    account_options,
    chain_options,
    json_option,
    show_units,
    to_units,
)
from offchain.workers.plain import plain
from offchain.workers.reading import to_json


@click.group(cls=ConfiguredGroup)
def vault() -> None:
    """Deposit, withdraw and look at an account's money."""


@vault.command()
@json_option
@account_options
@chain_options
def show(node: Node, account: Signer, as_json: bool) -> None:
    """Show what an account has inside the vault and outside."""
    sender, _ = node.sign_as(account)
    inside = VaultClient(sender.connection).balance_of(sender.address)
    outside = TokenClient(sender.connection).balance_of(sender.address)
    if as_json:
        click.echo(to_json(plain({"account": sender.address, "vault": inside, "outside": outside})))
        return
    click.echo(f"{sender.address}")
    click.echo(f"  in the vault  {show_units(sender.connection, inside)}")
    click.echo(f"  outside       {show_units(sender.connection, outside)}")


@vault.command()
@click.argument("amount", type=Tokens(is_positive=True))
@account_options
@chain_options
def mint(node: Node, account: Signer, amount: Decimal) -> None:
    """Mint test tokens; where the deployment's token is the TestToken."""
    sender, _ = node.sign_as(account)
    TokenClient(sender.connection, sender).mint(sender.address, to_units(sender.connection, amount))
    click.echo(f"{sender.address} has {amount:f} more outside the vault")


@vault.command()
@click.argument("amount", type=Tokens(is_positive=True))
@account_options
@chain_options
def deposit(node: Node, account: Signer, amount: Decimal) -> None:
    """Move tokens of an account into the vault."""
    sender, _ = node.sign_as(account)
    VaultClient(sender.connection, sender).deposit_with_permit(to_units(sender.connection, amount))
    click.echo(f"{sender.address} has {amount:f} more in the vault")


@vault.command()
@click.argument("amount", type=Tokens(is_positive=True))
@click.option("--to", help="Who gets them.  [default: the account itself]")
@account_options
@chain_options
def withdraw(node: Node, account: Signer, amount: Decimal, to: str | None) -> None:
    """Move tokens out of the vault."""
    sender, _ = node.sign_as(account)
    units = to_units(sender.connection, amount)
    VaultClient(sender.connection, sender).withdraw(units, to or sender.address)
    click.echo(f"{to or sender.address} has {amount:f} more outside the vault")
