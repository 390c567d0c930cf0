"""The vault and its token."""

from collections.abc import Callable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

from eth_account.messages import encode_typed_data
from web3.types import TxReceipt

from offchain.chain.client import Client
from offchain.chain.connection import Connection

EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""For amounts, that are moved by powers of ten alone: the usual 28 digits are fewer than they may have."""


class TokenClient(Client):
    """The ERC-20 token that all money is."""

    name = "token"

    def balance_of(self, account: str) -> int:
        """The token units that `account` holds outside the vault."""
        return int(self._read(self._contract.functions.balanceOf(account)))

    def symbol(self) -> str:
        """The token's symbol."""
        return str(self._read(self._contract.functions.symbol()))

    def decimals(self) -> int:
        """How many decimals people write the token with."""
        return int(self._read(self._contract.functions.decimals()))

    def mint(self, to: str, amount: int) -> TxReceipt:
        """Mint; for the TestToken of local chains and test networks."""
        return self._write(self._contract.functions.mint(to, amount))

    def sign_permit(self, spender: str, amount: int, deadline: int) -> tuple[int, bytes, bytes]:
        """Sign an EIP-2612 permit of the sender's account."""
        assert self.sender is not None
        _, name, version, chain_id, contract, _, _ = self._read(self._contract.functions.eip712Domain())
        nonce = self._read(self._contract.functions.nonces(self.sender.address))
        kinds = {
            "owner": "address",
            "spender": "address",
            "value": "uint256",
            "nonce": "uint256",
            "deadline": "uint256",
        }
        message = encode_typed_data(
            {"name": name, "version": version, "chainId": chain_id, "verifyingContract": contract},
            {"Permit": [{"name": field, "type": kind} for field, kind in kinds.items()]},
            {
                "owner": self.sender.address,
                "spender": spender,
                "value": amount,
                "nonce": nonce,
                "deadline": deadline,
            },
        )
        signed = self.sender.account.sign_message(message)
        return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


class VaultClient(Client):
    """The only module that knows this contract's function names."""

    name = "vault"

    def balance_of(self, account: str) -> int:
        """What `account` can withdraw, token units."""
        return int(self._read(self._contract.functions.balanceOf(account)))

    def is_operator(self, account: str, operator: str) -> bool:
        """Whether `account` lets `operator` move its balance."""
        return bool(self._read(self._contract.functions.isOperator(account, operator)))

    def deposit_with_permit(self, amount: int) -> TxReceipt:
        """Deposit `amount`, which the sender permits by signature; raises SafeERC20FailedOperation."""
        token = TokenClient(self.connection, self.sender)
        deadline = self.connection.head().timestamp + 3600
        v, r, s = token.sign_permit(self.address, amount, deadline)
        return self._write(self._contract.functions.depositWithPermit(amount, deadline, v, r, s))

    def withdraw(self, amount: int, to: str) -> TxReceipt:
        """Withdraw `amount` to an address; raises BalanceTooLow."""
        return self._write(self._contract.functions.withdraw(amount, to))

    def set_operator(self, operator: str, approved: bool) -> TxReceipt:
        """Let `operator` move the sender's balance, or forbid it again."""
        return self._write(self._contract.functions.setOperator(operator, approved))


def shown_in_tokens(connection: Connection) -> Callable[[int], str]:
    """What shows token units in whole tokens, with the symbol, without asking each time what they are."""
    token = TokenClient(connection)
    decimals, symbol = token.decimals(), token.symbol()
    return lambda units: f"{EXACT.normalize(EXACT.scaleb(Decimal(units), -decimals)):f} {symbol}"
