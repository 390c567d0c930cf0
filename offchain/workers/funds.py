"""Money before a step: what it takes is in the vault, and the protocol may move it."""

from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient, VaultClient
from offchain.workers.errors import FundsTooLow


def make_available(sender: Sender, amount: int, operator: str) -> None:
    """Have `amount` in the sender's vault balance for `operator` to move.

    What the vault lacks is deposited from the account's own tokens; the operator is approved once.

    Raises
    ------
    FundsTooLow : vault and account together have less
    """
    vault = VaultClient(sender.connection, sender)
    token = TokenClient(sender.connection, sender)
    balance = vault.balance_of(sender.address)
    if balance < amount:
        outside = token.balance_of(sender.address)
        if balance + outside < amount:
            raise FundsTooLow(sender.address, balance + outside, amount)
        vault.deposit_with_permit(amount - balance)
    if not vault.is_operator(sender.address, operator):
        vault.set_operator(operator, True)
