"""What `ape run deploy` does before it sends anything: which node it asks, what it says."""

from types import SimpleNamespace

import ape
import click
import pytest
from ape.cli import ConnectedProviderCommand
from ape.cli.options import NETWORK_META_KEY
from ape.exceptions import ProviderError

from offchain.chain.local import anvil_chain
from scripts._deploying import NodeCommand, at_node


def test_at_node_connects_to_the_node_that_it_is_told_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APE_FOUNDRY_HOST", "http://127.0.0.1:9")
    with anvil_chain() as chain:
        url = chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]

        with at_node(url):
            used = ape.networks.provider.uri

    assert used == url


def ended(monkeypatch: pytest.MonkeyPatch, error: Exception, is_local: bool) -> str:
    """What a command says at its end where it meets an error; it says it in a line."""

    def fails(command: click.Command, ctx: click.Context) -> None:
        raise error

    monkeypatch.setattr(ConnectedProviderCommand, "invoke", fails)

    @click.command(cls=NodeCommand)
    def command() -> None:
        raise AssertionError("it never gets here")

    context = click.Context(command)
    context.meta[NETWORK_META_KEY] = {"network": SimpleNamespace(is_local=is_local)}
    with pytest.raises(click.ClickException) as caught:
        command.invoke(context)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_command_says_how_to_start_a_node_when_the_network_is_local(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = ended(monkeypatch, ProviderError("Nobody answers."), is_local=True)

    assert "make node" in said and "docs/deploy.md" not in said


def test_a_command_names_the_page_on_networks_when_the_network_is_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = ended(monkeypatch, ProviderError("Missing URI."), is_local=False)

    assert "docs/deploy.md" in said and "make node" not in said
