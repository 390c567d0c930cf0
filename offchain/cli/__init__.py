"""The `pole` command: one module per command, each of which parses, calls one function and prints."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from offchain.cli.configuration import ConfiguredGroup, read_file

COMMANDS: dict[str, tuple[str, str]] = {
    "task": ("offchain.cli.task:task", "Post a training task, carry it to its end, list tasks."),
    "mine": ("offchain.cli.mine:mine", "Train for open tasks, commit, reveal, take the reward."),
    "provide": ("offchain.cli.provide:provide", "Sell compute, at the price that earns most."),
    "consume": ("offchain.cli.consume:consume", "Compete with training that is bought."),
    "ledger": ("offchain.cli.ledger:ledger", "Print and verify the learning blocks."),
    "vault": ("offchain.cli.vault:vault", "Deposit, withdraw and look at an account's money."),
    "deploy-info": ("offchain.cli.deploy_info:deploy_info", "Show the deployment on the node's chain."),
    "market": ("offchain.cli.market:market", "Look at the epochs in which compute is sold."),
    "index": ("offchain.cli.index:index", "Keep the chain's events at hand in a file."),
    "dashboard": ("offchain.cli.dashboard:dashboard", "Show all of it in a browser, live."),
    "config": ("offchain.cli.config:config", "Show what holds, and where it is said."),
    "doctor": ("offchain.cli.doctor:doctor", "Say what is wrong, and how to mend it."),
    "price": ("offchain.cli.price:price", "Solve a pricing game that a file describes."),
    "simulate": ("offchain.cli.simulate:simulate", "Run the paper's experiment over its rounds."),
}
"""Where each command is, and what the list of commands says of it."""


class LazyGroup(ConfiguredGroup):
    """Imports a command when it is named, so that a command does not wait for what another needs."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Name the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import the module of one command."""
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, context: click.Context) -> Any:
        """Turn the errors that a user can mend into one line; the others keep their traceback."""
        from offchain.cli.failures import one_line
        from offchain.cli.running import log_warnings

        log_warnings()
        with one_line():
            return super().invoke(context)


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "auto_envvar_prefix": "POLE",
    },
)
@click.version_option(package_name="polestar", prog_name="pole")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=read_file,
    help="The configuration file.  [default: config.toml in the user's configuration folder]",
)
def main() -> None:
    """Proof of Learning and Stackelberg resource trading on Ethereum.

    A data node posts a task, miners train and commit, the contract scores what they reveal and pays. Every
    option can be given in the environment (POLE_RPC, POLE_ACCOUNT, POLE_MINE_ESTIMATOR) and in a configuration
    file too: `pole config` shows what holds, and why. `pole doctor` says what is wrong, and how to mend it.

    \b
    pole task post iris --account dev:0     post a task and carry it to its end
    pole mine --account dev:1               compete for the open tasks
    pole provide --account dev:5            sell compute to those who compete
    pole consume --account dev:2            compete with compute that was bought
    pole task list                          what there is to do
    pole ledger --verify                    what was learned, and whether that is true
    pole market list                        where compute is sold
    pole index                              keep at hand what these lists read
    pole dashboard                          see all of it in a browser
    """
