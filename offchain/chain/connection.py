"""One connection to one deployment on one chain."""

from dataclasses import dataclass
from pathlib import Path

import requests
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception

from offchain.chain.deployment import Deployment
from offchain.chain.errors import DeploymentInvalid, EndpointUnreachable, WrongChain
from offchain.chain.reverts import RevertDecoder

REQUEST_SECONDS = 30.0


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


def open_endpoint(url: str) -> tuple[Web3, int]:
    """Open an RPC endpoint and ask its chain id; raises EndpointUnreachable."""
    w3 = Web3(HTTPProvider(url, request_kwargs={"timeout": REQUEST_SECONDS}))
    try:
        return w3, w3.eth.chain_id
    except (requests.RequestException, Web3Exception, ValueError) as error:
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
    if not w3.eth.get_code(Web3.to_checksum_address(deployment.proof.address)):
        raise DeploymentInvalid(
            str(path), f"{url} has no contract at its addresses: was the node started anew?"
        )
    return Connection.over(w3, deployment)
