"""The `pole` command: one module per command, each of which parses, calls one function and prints."""

from importlib import import_module

import click

COMMANDS: dict[str, str] = {
    "price": "offchain.cli.price:price",
}


class LazyGroup(click.Group):
    """Imports a command when it is named, so that `pole --help` does not wait for scikit-learn."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Name the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import the module of one command."""
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="polestar", prog_name="pole")
def main() -> None:
    """Proof of Learning and Stackelberg resource trading on Ethereum."""
