"""What `ape console` knows from the start: the contracts of the deployment on the connected chain."""

from typing import Any

from ape import Contract, chain

from scripts._deploying import DEPLOYMENTS

NAMES = ("token", "vault", "registry", "proof", "ledger", "market")


def ape_init_extras() -> dict[str, Any]:
    """Connect the contracts; nothing where the chain has no deployment."""
    import json

    path = DEPLOYMENTS / f"{chain.chain_id}.json"
    if not path.is_file():
        print(f"No deployment on chain {chain.chain_id}: run `ape run deploy` with the same --network first.")
        return {}
    deployment = json.loads(path.read_text())
    return {name: Contract(deployment[name]["address"], abi=deployment[name]["abi"]) for name in NAMES}
