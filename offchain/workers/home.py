"""Where a worker keeps what it must not lose: secrets before they are committed to, and shared blobs.

::

    <root>/blobs/                                  content-addressed, shared between workers
    <root>/<chain id>-<proof>/<account>/           private to one account
        data/<data root>.json                      a data node's rows and salts
        models/<task id>-<data root>.json          a miner's model and salt
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from offchain.chain.connection import Connection
from offchain.chain.registry import Task
from offchain.learning.rows import SaltedRows
from offchain.storage import BlobStore, write_durably


def default_root() -> Path:
    """The data directory of this user."""
    return user_data_path("polestar")


@dataclass(frozen=True, slots=True)
class ModelSecret:
    """What a miner must still have when it reveals."""

    model: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class Home:
    """The data directory of one account on one deployment."""

    root: Path
    account_folder: Path

    @classmethod
    def of(cls, root: Path, connection: Connection, account: str) -> "Home":
        """The directory of `account`."""
        deployment = connection.deployment
        return cls(root, root / f"{deployment.chain_id}-{deployment.proof.address.lower()}" / account.lower())

    @property
    def blobs(self) -> BlobStore:
        """The blobs that workers share."""
        return BlobStore(self.root / "blobs")

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
            self._save(self._model_path(task), content, once=True)

    def load_model(self, task: Task) -> ModelSecret | None:
        """The model for a task, where this account has one."""
        content = self._load(self._model_path(task))
        if content is None:
            return None
        return ModelSecret(bytes.fromhex(content["model"]), bytes.fromhex(content["salt"]))

    def _rows_path(self, data_root: bytes) -> Path:
        return self.account_folder / "data" / f"{data_root.hex()}.json"

    def _model_path(self, task: Task) -> Path:
        # A local chain that is started anew has the same contracts and task ids, and other tasks.
        return self.account_folder / "models" / f"{task.task_id}-{task.data_root.hex()}.json"

    def _save(self, path: Path, content: Mapping[str, object], *, once: bool = False) -> None:
        write_durably(path, json.dumps(content).encode(), once=once)

    def _load(self, path: Path) -> dict[str, Any] | None:
        return json.loads(path.read_bytes()) if path.is_file() else None
