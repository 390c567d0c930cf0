"""The epochs of a market, for workers that look at all of them again and again."""

from offchain.chain.connection import Connection, Head
from offchain.chain.market import ComputeMarketClient, Epoch

OLD_SECONDS = 900  # no block of that age is reorganised away


class Epochs:
    """All epochs as of the newest block.

    They are read anew for each block, but for old ones, which nobody can declare in any more: their terms stay.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._market = connection, ComputeMarketClient(connection)
        self._head: Head | None = None
        self._found: list[Epoch] = []
        self._old: dict[int, Epoch] = {}

    def of(self, provider: str) -> list[int]:
        """The ids of those that an account has opened, oldest first."""
        self._read()
        return [epoch.epoch_id for epoch in self._found if epoch.provider == provider]

    def taking_declarations(self) -> list[Epoch]:
        """Those that a consumer can still declare in, the newest first."""
        now = self._read().timestamp
        return [epoch for epoch in reversed(self._found) if now < epoch.declare_ends_at]

    def _read(self) -> Head:
        head = self._connection.head()
        if head == self._head:
            return head
        ids = range(1, self._market.epoch_count() + 1)
        self._found = [self._old.get(epoch_id) or self._market.epoch(epoch_id) for epoch_id in ids]
        self._old = {
            epoch.epoch_id: epoch
            for epoch in self._found
            if epoch.declare_ends_at + OLD_SECONDS < head.timestamp
        }
        self._head = head
        return head
