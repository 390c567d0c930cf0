"""Money before a step: what it takes is in the vault, and the protocol may move it."""

from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient, VaultClient, shown_in_tokens
from offchain.workers.errors import FundsTooLow


def check_funds(sender: Sender, amount: int) -> int:
    """What the sender's vault balance lacks of `amount`; raises FundsTooLow where the account has less than that."""
    inside = VaultClient(sender.connection).balance_of(sender.address)
    if inside >= amount:
        return 0
    outside = TokenClient(sender.connection).balance_of(sender.address)
    if inside + outside < amount:
        raise FundsTooLow(sender.address, inside + outside, amount, shown_in_tokens(sender.connection))
    return amount - inside


def make_available(sender: Sender, amount: int, operator: str) -> None:
    """Have `amount` in the sender's vault balance for `operator` to move.

    What the vault lacks is deposited from the account's own tokens; the operator is approved once.

    Raises
    ------
    FundsTooLow : vault and account together have less
    """
    vault = VaultClient(sender.connection, sender)
    if lacking := check_funds(sender, amount):
        vault.deposit_with_permit(lacking)
    if not vault.is_operator(sender.address, operator):
        vault.set_operator(operator, True)
