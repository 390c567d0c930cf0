"""Where a worker keeps what it must not lose: secrets before they are committed to, and shared blobs.

::

    <root>/blobs/                                  content-addressed, shared between workers, unless they are elsewhere
    <root>/<chain id>-<proof>/<account>/           private to one account
        data/<data root>.json                      a data node's rows and salts
        models/<task id>-<data root>.json          a miner's model and salt
        orders/<task id>-<data root>.json          what a consumer declared for a task, and in which epoch
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from offchain.chain.connection import Connection
from offchain.chain.registry import Task
from offchain.economics.curve import LearningCurve
from offchain.filesystems import write_durably
from offchain.learning.rows import SaltedRows
from offchain.storage import BlobStore


def default_root() -> Path:
    """The data directory of this user."""
    return user_data_path("polestar")


@dataclass(frozen=True, slots=True)
class ModelSecret:
    """What a miner must still have when it reveals."""

    model: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """What a consumer has declared in an epoch for a task, written down before it declares.

    closed : nothing more comes of it: nothing was bought, or what was delivered is no model
    collected : the model was checked and kept
    """

    epoch_id: int
    value: int
    efficiency: int
    limit: int
    curve: LearningCurve
    closed: bool = False
    collected: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """The data directory of one account on one deployment, and the blobs that workers share."""

    root: Path
    account_folder: Path
    blobs: BlobStore

    @classmethod
    def of(cls, root: Path, connection: Connection, account: str, blobs: BlobStore | None = None) -> "Home":
        """The directory of `account`; the blobs are in it where none are given."""
        deployment = connection.deployment
        folder = root / f"{deployment.chain_id}-{deployment.proof.address.lower()}" / account.lower()
        return cls(root, folder, blobs or BlobStore(root / "blobs"))

    def save_rows(self, rows: SaltedRows) -> None:
        """Keep the rows of a task to be posted."""
        content = {"secret": rows.secret.hex(), "rows": [row.hex() for row in rows.rows]}
        self._save(self._rows_path(rows.root()), content)

    def load_rows(self, data_root: bytes) -> SaltedRows | None:
        """The rows behind a root, where this account made it."""
        content = self._load(self._rows_path(data_root))
        if content is None:
            return None
        return SaltedRows(tuple(map(bytes.fromhex, content["rows"])), bytes.fromhex(content["secret"]))

    def save_model(self, task: Task, secret: ModelSecret) -> None:
        """Keep a model that is to be committed to, unless there is one: it may be committed to already."""
        with suppress(FileExistsError):
            content = {"model": secret.model.hex(), "salt": secret.salt.hex()}
            self._save(self._task_path("models", task), content, once=True)

    def load_model(self, task: Task) -> ModelSecret | None:
        """The model for a task, where this account has one."""
        content = self._load(self._task_path("models", task))
        if content is None:
            return None
        return ModelSecret(bytes.fromhex(content["model"]), bytes.fromhex(content["salt"]))

    def save_order(self, task: Task, order: Order) -> None:
        """Keep what is declared for a task; a later order takes the place of an earlier one."""
        self._save(self._task_path("orders", task), asdict(order))

    def load_order(self, task: Task) -> Order | None:
        """The last order for a task, if there was one."""
        content = self._load(self._task_path("orders", task))
        if content is None:
            return None
        return Order(**{**content, "curve": LearningCurve(**content["curve"])})

    def _rows_path(self, data_root: bytes) -> Path:
        return self.account_folder / "data" / f"{data_root.hex()}.json"

    def _task_path(self, kind: str, task: Task) -> Path:
        # A local chain that is started anew has the same contracts and task ids, and other tasks.
        return self.account_folder / kind / f"{task.task_id}-{task.data_root.hex()}.json"

    def _save(self, path: Path, content: Mapping[str, object], *, once: bool = False) -> None:
        write_durably(path, json.dumps(content).encode(), once=once)

    def _load(self, path: Path) -> dict[str, Any] | None:
        return json.loads(path.read_bytes()) if path.is_file() else None
