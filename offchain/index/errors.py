"""What can go wrong with an index, as one tree.

::

    IndexFailure
    ├── IndexBusy        another process writes to the index
    ├── IndexBehind      and that one does not come on
    ├── IndexMissing     there is no index yet
    ├── IndexUnusable    the file cannot be opened, or not be written
    ├── IndexDamaged     the file is no index of this deployment
    ├── IndexOfAnother   or of another one than the deployments file has now
    ├── EventsUnknown    the deployments file does not tell of all events
    ├── EventInvalid     the node tells an event that the deployment's contracts cannot have emitted
    │   └── LogMissing   or not without another one before it, which was not told
    ├── GenesisMissing   the chain has no beginning of the deployment's ledger where the deployment is
    └── RangeRefused     the node refuses to tell the events of a single block
"""

from collections.abc import Iterable
from pathlib import Path


class IndexFailure(Exception):
    """Anything that keeps an index from being written or read."""


class IndexBusy(IndexFailure):
    """Another process writes to the index."""

    def __init__(self, path: Path, process: str) -> None:
        self.path, self.process = path, process
        super().__init__(f"{path} is being written by process {process or 'unknown'}: one is enough")


class IndexBehind(IndexFailure):
    """Another process writes to the index, and has not read this chain yet."""

    def __init__(self, path: Path, process: str) -> None:
        self.path, self.process = path, process
        super().__init__(
            f"process {process or 'unknown'} writes {path} and has not read this chain yet: wait, or stop it"
        )


class IndexMissing(IndexFailure):
    """There is no index yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"there is no index at {path} yet: `pole index` makes it")


class IndexUnusable(IndexFailure):
    """The file cannot be opened, or not be written: its folder, its permissions or the disk are not as they should."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"the index {path} cannot be used: {reason}")


class IndexDamaged(IndexFailure):
    """The file is no index of this deployment."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}: delete the file, and it is made anew from the chain")


class IndexOfAnother(IndexFailure):
    """The index is of another deployment than the deployments file has now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} is of another deployment than the deployments file has now: start this command again"
        )


class EventsUnknown(IndexFailure):
    """The deployments file does not tell of all events, without which an index would leave things out."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        super().__init__(
            f"the deployments file has no event {', '.join(self.names)}: it was made by another version, or is damaged"
        )


class EventInvalid(IndexFailure):
    """The node tells an event that the deployment's contracts cannot have emitted."""

    def __init__(self, block: object, log_index: object, reason: str) -> None:
        self.block, self.log_index, self.reason = block, log_index, reason[:200]
        super().__init__(
            f"log {str(log_index)[:20]} of block {str(block)[:20]} is no event of this deployment: {self.reason}"
        )


class LogMissing(EventInvalid):
    """An event follows on one that the node has not told."""

    def __init__(self, block: int, log_index: int, reason: str) -> None:
        super().__init__(block, log_index, f"{reason}: a log is missing")


class GenesisMissing(IndexFailure):
    """The chain has no beginning of the deployment's ledger from the deployment's block on."""

    def __init__(self, block: int) -> None:
        self.block = block
        super().__init__(
            f"the node has no genesis of the learning ledger since block {block}: was it started anew? Deploy again"
        )


class RangeRefused(IndexFailure):
    """The node refuses to tell the events of a single block."""

    def __init__(self, block: int, reason: str) -> None:
        self.block, self.reason = block, reason[:200]
        super().__init__(f"the node does not tell the events of block {block}: {self.reason}")
