"""What attackers bring: tokens that misbehave, and accounts that act while a token calls them."""

from dataclasses import dataclass
from typing import Any

from web3.contract import Contract

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.errors import TransactionReverted
from offchain.chain.local import LocalChain
from offchain.chain.reverts import RevertDecoder


class Stage:
    """A chain on which contracts of any kind are created and called."""

    def __init__(self, chain: LocalChain, artifacts: dict[str, Artifact]) -> None:
        self.w3 = chain.w3
        self._deployer = Web3Deployer(chain.w3, dev_account(9), artifacts)
        self.reverts = RevertDecoder([artifact.abi for artifact in artifacts.values()])

    def create(self, name: str, *arguments: object) -> Contract:
        """Create the contract of a name."""
        address = self._deployer.create(name, *arguments)
        return self.w3.eth.contract(address, abi=self._deployer.abi(name))  # type: ignore[call-overload,no-any-return]

    def send(self, call: Any, account: str) -> Any:
        """Send a call from an account of the chain; raises its typed error."""
        with self.reverts.typed():
            return self.w3.eth.wait_for_transaction_receipt(call.transact({"from": account}))


class Bank(Stage):
    """A vault over a token that misbehaves, and its depositors."""

    def __init__(
        self, chain: LocalChain, artifacts: dict[str, Artifact], token: str, *arguments: object
    ) -> None:
        super().__init__(chain, artifacts)
        self.token = self.create(token, *arguments)
        self.vault = self.create("Vault", self.token.address)
        self.depositors = [dev_account(index).address for index in range(2)]

    def fund(self, amount: int, depositor: int = 0) -> None:
        """Mint to a depositor, and let the vault take it."""
        self.mint(amount, self.depositors[depositor])
        self.send(self.token.functions.approve(self.vault.address, amount), self.depositors[depositor])

    def mint(self, amount: int, account: str) -> None:
        """Mint."""
        self.send(self.token.functions.mint(account, amount), self.depositors[0])

    def deposit(self, amount: int, depositor: int = 0) -> None:
        """Deposit what was funded."""
        self.send(self.vault.functions.deposit(amount), self.depositors[depositor])

    def withdraw(self, amount: int, depositor: int = 0, to: str | None = None) -> None:
        """Withdraw to the depositor, or to another."""
        account = self.depositors[depositor]
        self.send(self.vault.functions.withdraw(amount, to or account), account)

    def tokens_of(self, account: str) -> int:
        """What the token says that an account has."""
        return int(self.token.functions.balanceOf(account).call())

    @property
    def held(self) -> int:
        """What the token says that the vault has."""
        return self.tokens_of(self.vault.address)

    def owed(self, *others: str) -> int:
        """What the vault owes to its depositors, and to others."""
        balance_of = self.vault.functions.balanceOf
        return sum(int(balance_of(account).call()) for account in (*self.depositors, *others))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a planned call went: what it answered, or why it was refused."""

    answer: bytes
    error: TransactionReverted | None

    @property
    def number(self) -> int:
        """The answer of a view."""
        return int.from_bytes(self.answer[:32], "big")


class Puppet:
    """A contract that acts for an attacker, and again while a token calls it."""

    def __init__(self, stage: Stage, token: Contract) -> None:
        self._stage, self._master = stage, dev_account(8).address
        self._contract = stage.create("Puppet")
        self.address = self._contract.address
        self.act(token.functions.callMe())

    def act(self, call: Any) -> None:
        """Do it now; raises its typed error."""
        self._stage.send(self._contract.functions.act(*_packed(call)), self._master)

    def plan(self, *calls: Any, skip: int = 0) -> None:
        """Do it at the next time that the token calls, but for the first `skip` times."""
        self._stage.send(self._contract.functions.plan([_packed(call) for call in calls], skip), self._master)

    def outcomes(self) -> list[Outcome]:
        """How the planned calls went."""
        return [
            Outcome(answer, None if done else self._stage.reverts.decode(answer))
            for done, answer in self._contract.functions.outcomes().call()
        ]


def _packed(call: Any) -> tuple[str, str]:
    return call.address, call._encode_transaction_data()
