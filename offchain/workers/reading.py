"""What people want to know: joins what the index of the chain says with what the storage holds."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from offchain.canonical import from_json, parameters_hash
from offchain.chain.deployment import Deployment
from offchain.chain.errors import UnknownTask
from offchain.chain.ledger import Block
from offchain.chain.phase import Phase
from offchain.chain.proof import RevealedModel
from offchain.chain.registry import Task
from offchain.cid import Cid
from offchain.index.queries import Index, all_of
from offchain.learning.metrics import Metric
from offchain.storage import BlobStore, StorageError
from offchain.workers.plain import plain

MAX_PARAMETERS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A task and how it stands."""

    task: Task
    phase: Phase
    seconds_left: int | None  # to the end of the phase, where a deadline ends it
    commitments: int
    leaderboard: list[RevealedModel]

    @property
    def winner(self) -> str | None:
        """Who was paid the reward, if the task is settled and anybody was."""
        best = self.leaderboard[0] if self.leaderboard and self.phase is Phase.SETTLED else None
        return best.miner if best and best.score_wad >= self.task.min_score_wad else None

    def as_json(self) -> dict[str, Any]:
        """The report for a script to read."""
        return {
            **plain(asdict(self.task)),
            "metric": Metric(self.task.metric).name,
            "phase": self.phase.name,
            "seconds_left": self.seconds_left,
            "commitments": self.commitments,
            "leaderboard": [plain(asdict(model)) for model in self.leaderboard],
            "winner": self.winner,
        }


def report(index: Index, task_id: int) -> TaskReport:
    """Everything about a task; raises UnknownTask."""
    found, status = index.task(task_id), index.status()
    if found is None or status is None:
        raise UnknownTask(taskId=task_id)
    ends_at = found.phase_ends_at(status.timestamp)
    return TaskReport(
        found.task,
        found.phase(status.timestamp),
        None if ends_at is None else max(0, ends_at - status.timestamp),
        found.commitments,
        [
            RevealedModel(each.miner, each.model_hash, each.parameters_hash, each.score_wad, each.order)
            for each in all_of(index.leaderboard, lambda each: (each.score_wad, each.order), task_id)
            if each.model_hash is not None and each.parameters_hash is not None and each.score_wad is not None
        ],
    )


def paper_form(
    deployment: Deployment, blobs: BlobStore, block: Block, metric: Metric | None
) -> dict[str, Any]:
    """A learning block as the paper prints it; `metric` is that of its task, None for genesis.

    The parameters come from the storage, where their hash is their name; where they are not there, or not what
    parameters are, the hash stands for them. Those of genesis are in the deployments file.
    """
    header = block.header
    if metric is None:
        initialization = deployment.initialization
        is_true = parameters_hash(initialization) == header.parameters_hash
        data: dict[str, Any] = {
            "parameters": initialization if is_true else "0x" + header.parameters_hash.hex()
        }
    else:
        data = {
            "parameters": parameters_of(blobs, header.parameters_hash),
            metric.name.lower(): header.score_wad / 10**18,
            "task": header.task_id,
            "winner": header.winner,
            "model_hash": "0x" + header.model_hash.hex(),
        }
    return {
        "index": header.index,
        "timestamp": header.timestamp,
        "data": data,
        "previous_hash": "0x" + header.previous_hash.hex(),
        "hash": "0x" + block.hash.hex(),
    }


def ledger_blocks(index: Index) -> list[Block]:
    """All learning blocks, genesis first."""
    return [found.block for found in all_of(index.learning_blocks, lambda found: found.block.header.index)]


def paper_ledger(index: Index, deployment: Deployment, blobs: BlobStore) -> list[dict[str, Any]]:
    """All learning blocks as the paper prints them, genesis first."""
    return [
        paper_form(deployment, blobs, found.block, None if found.metric is None else Metric(found.metric))
        for found in all_of(index.learning_blocks, lambda found: found.block.header.index)
    ]


def parameters_of(blobs: BlobStore, name: bytes) -> Any:
    """The parameters of a model by their hash; the hash where the storage does not have them."""
    try:
        data = blobs.get(Cid.on_chain(name, MAX_PARAMETERS_BYTES), MAX_PARAMETERS_BYTES)
        return from_json(data, MAX_PARAMETERS_BYTES)
    except (StorageError, ValueError):
        return "0x" + name.hex()


def to_json(value: Any) -> str:
    """JSON for people and scripts."""
    return json.dumps(value, indent=2)
