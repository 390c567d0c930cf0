"""What `ape run deploy` does before it sends anything: which node it asks."""

import ape
import pytest

from offchain.chain.local import anvil_chain
from scripts._deploying import at_node


def test_at_node_connects_to_the_node_that_it_is_told_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APE_FOUNDRY_HOST", "http://127.0.0.1:9")
    with anvil_chain() as chain:
        url = chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]

        with at_node(url):
            used = ape.networks.provider.uri

    assert used == url
