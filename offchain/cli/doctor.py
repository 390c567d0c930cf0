"""`pole doctor`: what is wrong, and how to mend it."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import click

from offchain.chain.accounts import open_account
from offchain.cli.environment import unknown_variables
from offchain.cli.failures import printable
from offchain.cli.keys import passphrase_from
from offchain.cli.options import (
    OPTIONAL_ACCOUNT_OPTION,
    PASSPHRASE_OPTION,
    Node,
    chain_options,
    json_option,
)
from offchain.workers.health import Finding, Needs, State, examine
from offchain.workers.reading import to_json


@click.command()
@json_option
@OPTIONAL_ACCOUNT_OPTION
@PASSPHRASE_OPTION
@chain_options
def doctor(node: Node, account: str | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Look at endpoints, clock, deployment, storage, index, account and state, and say how to mend what is wrong.

    Ends with status 1 where something is. No transaction is sent, and no file is left: one is written to the data
    directory and to the first place of --storage, and taken away at once.
    """
    opening = partial(open_account, account, passphrase=passphrase_from(passphrase_file)) if account else None
    findings = []
    needs = Needs(node.rpc, node.deployments, node.root, node.blobs, opening)
    for finding in chain(_of_environment(), examine(needs)):
        findings.append(finding)
        if not as_json:
            click.echo(f"{finding.state.value:<5}  {finding.check:<10}  {printable(finding.found)}")
            if finding.mend:
                click.echo(f"{'':17}  → {printable(finding.mend)}")
    if as_json:
        click.echo(
            to_json(
                [
                    {"check": each.check, "state": each.state.value, "found": each.found, "mend": each.mend}
                    for each in findings
                ]
            )
        )
    if any(finding.state is State.WRONG for finding in findings):
        raise SystemExit(1)


def _of_environment() -> Iterator[Finding]:
    for variable in unknown_variables(click.get_current_context()):
        yield Finding("variable", State.NOTE, str(variable), f"unset {variable.name}, or name it rightly")
