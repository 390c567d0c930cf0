"""What a worker says of a deadline that it missed, and what that cost, in token units."""

from datetime import UTC, datetime

from offchain.chain.market import Epoch, Purchase, cost_of
from offchain.chain.phase import Phase
from offchain.chain.registry import Task


def missed_by_miner(
    task: Task, phase: Phase, *, has_model: bool, committed: bool, revealed: bool
) -> str | None:
    """What a miner missed in a task that has nothing more to do for it; None where nothing."""
    chance = f"the chance of the reward of {task.reward:,}"
    if committed and not revealed and phase in (Phase.SETTLE, Phase.SETTLED):
        return (
            f"the model was not revealed before {_utc(task.reveal_ends_at)}:"
            f" this costs the bond of {task.miner_bond:,} and {chance}"
        )
    if has_model and not committed:
        return (
            f"there is a model, but it was not committed to before {_utc(task.commit_ends_at)}:"
            f" this costs {chance}, and no bond"
        )
    return None


def missed_by_data_node(task: Task, phase: Phase, commitments: int) -> str | None:
    """What a data node missed in a task that is or can be aborted; None where nothing."""
    if phase not in (Phase.ABORT, Phase.ABORTED) or commitments == 0:
        return None
    due = _utc(task.commit_ends_at + task.disclose_seconds)
    return (
        f"the test rows were not disclosed before {due}: this costs the bond of {task.data_node_bond:,},"
        f" which goes to the {commitments} that committed; the reward of {task.reward:,} comes back"
    )


def missed_by_provider(epoch: Epoch, purchase: Purchase) -> str:
    """What it costs a provider that a purchase was not delivered: its price, and its units' share of the bond."""
    share = epoch.bond * purchase.units // epoch.capacity
    return (
        f"purchase {purchase.purchase_id} was not delivered: this costs its payment of"
        f" {cost_of(epoch.price, purchase.units):,}, which goes back to the consumer, and {share:,} of the bond"
    )


def _utc(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
