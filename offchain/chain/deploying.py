"""How the protocol is deployed: which contracts, in which order, with which arguments.

Whoever deploys brings a `Deployer`: the ape script one that uses ape's accounts, tests and simulations one that
compiles with py-solc-x and sends through web3.
"""

import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.types import TxParams

from offchain.canonical import parameters_hash
from offchain.chain.compiler import Artifact
from offchain.chain.connection import has_contracts, readable
from offchain.chain.deployment import Contract, Deployment
from offchain.chain.errors import (
    DeploymentInvalid,
    DeploymentPresent,
    EndpointFaulty,
    GasMissing,
    TokenInvalid,
)

SCORERS = ("DenseScorer", "TreeScorer")
CONTRACTS = ("Vault", *SCORERS, "ProofOfLearning", "ComputeMarket")
"""What is created by a transaction each, besides the token."""

GAS_PER_CREATION = 53_000 + 500_000
"""A transaction that creates, and what a constructor may store."""
GAS_PER_BYTE = 16 + 1 + 200
"""To send a byte of the code that creates, to jump about in it, and to keep it: no more is kept than was sent."""

# What of an ERC-20 is asked before anything is built upon it.
TOKEN_VIEWS: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [{"name": "", "type": kind} for kind in inputs],
        "outputs": [{"name": "", "type": output}],
    }
    for name, inputs, output in (("decimals", (), "uint8"), ("balanceOf", ("address",), "uint256"))
]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What every task must keep to, in the order of the Solidity struct."""

    min_window_seconds: int
    max_window_seconds: int
    min_data_node_bond: int
    min_miner_bond: int


@dataclass(frozen=True, slots=True)
class MarketBounds:
    """What every epoch of the compute market must keep to, in the order of the Solidity struct."""

    min_window_seconds: int
    max_window_seconds: int
    min_tolerance_wad: int
    max_tolerance_wad: int
    min_bond: int
    min_lock: int


class Deployer(Protocol):
    """Creates contracts on one chain."""

    chain_id: int

    def block_number(self) -> int:
        """The number of the newest block."""

    def create(self, name: str, *arguments: Any) -> str:
        """Create the contract of a name and give its address."""

    def abi(self, name: str) -> list[dict[str, Any]]:
        """The ABI of a contract."""

    def read(self, name: str, address: str, function: str) -> Any:
        """Call a view function without arguments."""


def deploy(
    deployer: Deployer, bounds: Bounds, market_bounds: MarketBounds, token: str | None = None
) -> Deployment:
    """Deploy the protocol for the ERC-20 at `token`; for a new TestToken where none is named."""

    def contract(name: str, address: str) -> Contract:
        return Contract(address=address, abi=deployer.abi(name))

    block = deployer.block_number()
    token = token or deployer.create("TestToken")
    vault = deployer.create("Vault", token)
    scorers = {name: deployer.create(name) for name in SCORERS}
    initialization = {"protocol": "PoLeStar", "version": 1, **asdict(bounds)}
    arguments = (
        vault,
        list(scorers.values()),
        tuple(asdict(bounds).values()),
        parameters_hash(initialization),
    )
    proof = deployer.create("ProofOfLearning", *arguments)
    market = deployer.create("ComputeMarket", vault, tuple(asdict(market_bounds).values()))
    return Deployment(
        chain_id=deployer.chain_id,
        block=block,
        initialization=initialization,
        token=contract("TestToken", token),
        vault=contract("Vault", vault),
        registry=contract("TaskRegistry", deployer.read("ProofOfLearning", proof, "registry")),
        proof=contract("ProofOfLearning", proof),
        ledger=contract("LearningLedger", deployer.read("ProofOfLearning", proof, "ledger")),
        market=contract("ComputeMarket", market),
        scorers={name: contract(name, address) for name, address in scorers.items()},
    )


def check_unused(w3: Web3, path: Path) -> None:
    """Raise DeploymentPresent where a deployments file is of contracts on this chain, or tells nobody of which.

    That of a chain that has been started anew is of none, and may go.
    """
    if not path.exists():
        return
    try:
        earlier = Deployment.load(path)
    except DeploymentInvalid as error:
        raise DeploymentPresent(str(path), f"cannot be read ({error.reason})") from None
    if has_contracts(w3, earlier):
        raise DeploymentPresent(str(path), "is of contracts that this chain has, and that can be used")


def keep_earlier(path: Path) -> Path | None:
    """Copy the deployments file that is there beside itself, and give the copy's path."""
    return Path(shutil.copy2(path, f"{path}.bak")) if path.exists() else None


def check_token(w3: Web3, token: str, holder: str) -> str:
    """The address of an ERC-20, with its checksum, after it has told the balance of a holder.

    Raises
    ------
    TokenInvalid : it is no address, nothing is there, or what is there does not answer as an ERC-20
    """
    if not Web3.is_address(token):
        raise TokenInvalid(token, "is not an address")
    address = Web3.to_checksum_address(token)
    if token not in (address, address.lower()):
        raise TokenInvalid(
            token, "is misspelled: its checksum, which is in the case of its letters, is wrong"
        )
    with readable():
        if not w3.eth.get_code(address):
            raise TokenInvalid(
                token, f"is not on chain {w3.eth.chain_id}: there is no contract at this address"
            )
    views = w3.eth.contract(address, abi=TOKEN_VIEWS).functions
    for call in (views.decimals(), views.balanceOf(Web3.to_checksum_address(holder))):
        try:
            with readable():
                call.call()
        except EndpointFaulty:
            raise TokenInvalid(token, f"is no ERC-20: it does not answer {call.fn_name}()") from None
    return address


def check_coin(w3: Web3, account: str, sizes: Iterable[int]) -> None:
    """Raise GasMissing where an account may not get to the end of what it pays for: half a deployment is of no use.

    sizes : bytes of the code that creates each contract
    """
    gas = sum(GAS_PER_CREATION + GAS_PER_BYTE * size for size in sizes)
    with readable():
        needed, balance = gas * w3.eth.gas_price, w3.eth.get_balance(Web3.to_checksum_address(account))
    if balance < needed:
        raise GasMissing(account, balance, needed, "the deployment")


class Web3Deployer:
    """Sends compiled contracts through web3."""

    def __init__(self, w3: Web3, account: LocalAccount, artifacts: dict[str, Artifact]) -> None:
        self._w3, self._account, self._artifacts = w3, account, artifacts
        self.chain_id = w3.eth.chain_id

    def block_number(self) -> int:
        """See Deployer."""
        return self._w3.eth.block_number

    def create(self, name: str, *arguments: Any) -> str:
        """See Deployer."""
        factory = self._w3.eth.contract(abi=self.abi(name), bytecode=self._artifacts[name].bytecode)
        nonce = self._w3.eth.get_transaction_count(self._account.address)
        frame: TxParams = {"from": self._account.address, "nonce": nonce}
        transaction = factory.constructor(*arguments).build_transaction(frame)
        signed = self._account.sign_transaction(dict(transaction))
        sent = self._w3.eth.send_raw_transaction(signed.raw_transaction)
        address = self._w3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        assert address is not None
        return str(address)

    def abi(self, name: str) -> list[dict[str, Any]]:
        """See Deployer."""
        return self._artifacts[name].abi

    def read(self, name: str, address: str, function: str) -> Any:
        """See Deployer."""
        contract = self._w3.eth.contract(Web3.to_checksum_address(address), abi=self.abi(name))
        return contract.functions[function]().call()
