"""One connection to one deployment on one chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from web3 import Web3

from offchain.chain.deployment import Deployment
from offchain.chain.endpoint import Endpoint
from offchain.chain.errors import (
    ChainError,
    DeploymentInvalid,
    EndpointFaulty,
    EndpointUnreachable,
    WrongChain,
)
from offchain.chain.reverts import RevertDecoder


@dataclass(frozen=True, slots=True)
class Connection:
    """A node and the deployment that is used through it."""

    w3: Web3
    deployment: Deployment
    reverts: RevertDecoder

    @classmethod
    def over(cls, w3: Web3, deployment: Deployment) -> "Connection":
        """Use `deployment` through a web3 that is there already."""
        return cls(w3, deployment, RevertDecoder(deployment.abis))

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Raise the typed error of any revert in the block, and EndpointFaulty where the answer is none."""
        with readable(), self.reverts.typed():
            yield

    def head(self) -> tuple[int, int]:
        """The number and the timestamp of the newest block."""
        with self.asking():
            latest = self.w3.eth.get_block("latest")
            return int(latest["number"]), int(latest["timestamp"])


@contextmanager
def readable() -> Iterator[None]:
    """Raise EndpointFaulty where web3 cannot make sense of an answer; to be put around its calls alone.

    What comes from the endpoint is decoded deep within web3, and fails there in as many ways as there are types.
    """
    try:
        yield
    except (ChainError, OSError):
        raise
    except Exception as error:
        raise EndpointFaulty(str(error) or repr(error)) from error


def open_endpoint(url: str) -> tuple[Web3, int]:
    """Open an RPC endpoint and ask its chain id; raises EndpointUnreachable."""
    w3 = Web3(Endpoint(url))
    try:
        with readable():
            return w3, int(w3.eth.chain_id)
    except (requests.RequestException, EndpointFaulty) as error:
        reason = "connection refused" if isinstance(error, requests.ConnectionError) else str(error)
        raise EndpointUnreachable(url, reason) from error


def connect(url: str, deployments: Path, chain_id: int | None = None) -> Connection:
    """Connect to the deployment on the chain that `url` serves.

    Parameters
    ----------
    url : the RPC endpoint
    deployments : the folder of the deployments files
    chain_id : the chain that is meant, where the endpoint must not decide

    Raises
    ------
    EndpointUnreachable, WrongChain, DeploymentInvalid
    """
    w3, served = open_endpoint(url)
    if chain_id is not None and served != chain_id:
        raise WrongChain(url, chain_id, served)
    path = deployments / f"{served}.json"
    deployment = Deployment.load(path)
    if deployment.chain_id != served:
        raise WrongChain(url, deployment.chain_id, served)
    with readable():
        code = w3.eth.get_code(Web3.to_checksum_address(deployment.proof.address))
    if not code:
        raise DeploymentInvalid(
            str(path), f"{url} has no contract at its addresses: was the node started anew?"
        )
    return Connection.over(w3, deployment)
