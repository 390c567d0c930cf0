"""The proof of learning: commitments, reveals, settlement."""

import logging
import time
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3.types import TxReceipt

from offchain.chain.client import Client
from offchain.chain.connection import readable
from offchain.chain.endpoint import shown
from offchain.chain.endpoints import is_behind
from offchain.chain.errors import EndpointFaulty, EndpointsDisagree, TransactionReverted
from offchain.chain.phase import Phase
from offchain.chain.registry import TaskRegistryClient

log = logging.getLogger(__name__)

ALL_ROWS = 2**256 - 1
COMMIT_DOMAIN = keccak(text="PoLeStar.Commitment.v1")


@dataclass(frozen=True, slots=True)
class Commitment:
    """A miner's place in a task; order 0 where it has none."""

    digest: bytes
    order: int
    revealed: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the scoring of a model has come; empty where it is yet to begin."""

    scored_count: int = 0
    tally: tuple[int, ...] = ()

    @property
    def hash(self) -> bytes:
        """What the contract keeps of it."""
        return keccak(encode(["(uint256,uint256[])"], [(self.scored_count, self.tally)]))


@dataclass(frozen=True, slots=True)
class RevealedModel:
    """A model as its reveal told it."""

    miner: str
    model_hash: bytes
    parameters_hash: bytes
    score_wad: int
    order: int


def commitment_hash(
    chain_id: int, contract: str, task_id: int, miner: str, model_hash: bytes, salt: bytes
) -> bytes:
    """What a miner commits to: the twin of `ProofOfLearning.commitmentHash`."""
    kinds = ["bytes32", "uint256", "address", "uint256", "address", "bytes32", "bytes32"]
    return keccak(encode(kinds, [COMMIT_DOMAIN, chain_id, contract, task_id, miner, model_hash, salt]))


class ProofOfLearningClient(Client):
    """The only module that knows this contract's function names."""

    name = "proof"

    def phase_of(self, task_id: int) -> Phase:
        """Where a task stands now."""
        return self._read_as(Phase, self._contract.functions.phaseOf(task_id))

    def check_phase(self, task_id: int, phase: Phase) -> None:
        """Ask every endpoint whether a task is in `phase`; raises EndpointsDisagree where one contradicts.

        One that is away or far behind does not.
        """
        if len(self.connection.witnesses) < 2:
            return
        newest = self.connection.head().timestamp
        for witness in self.connection.witnesses:
            url = shown(str(witness.provider.endpoint_uri))  # type: ignore[attr-defined]
            contract = witness.eth.contract(self._contract.address, abi=self._contract.abi)
            try:
                with readable(), self.connection.reverts.typed():
                    told = Phase(contract.functions.phaseOf(task_id).call())
                    timestamp = witness.eth.get_block("latest")["timestamp"]
            except (OSError, EndpointFaulty, TransactionReverted) as error:
                log.warning("task %d: %s cannot be asked for its phase: %s", task_id, url, error)
                continue
            if told != phase and not is_behind(timestamp, newest, time.time()):
                raise EndpointsDisagree(task_id, url, told, phase)

    def commitment_of(self, task_id: int, miner: str) -> Commitment:
        """A miner's place in a task."""
        return Commitment(*self._read(self._contract.functions.commitmentOf(task_id, miner)))

    def progress_of(self, task_id: int, miner: str) -> Progress:
        """How far the scoring of a miner's model has come."""
        known = bytes(self._read(self._contract.functions.progressHashOf(task_id, miner)))
        if not any(known):
            return Progress()
        since = TaskRegistryClient(self.connection).task(task_id).draw_block
        events = self._events(self._contract.events.ModelScoredInPart(), since, taskId=task_id, miner=miner)
        for event in reversed(events):
            told = event["args"]["progress"]
            progress = Progress(told["scoredCount"], tuple(told["tally"]))
            if progress.hash == known:
                return progress
        return Progress()

    def mapping_seed(self, task_id: int, miner: str) -> bytes:
        """The seed of a miner's secure mapping in a task."""
        return bytes(self._read(self._contract.functions.mappingSeed(task_id, miner)))

    def commitment_count(self, task_id: int) -> int:
        """How many miners committed."""
        return int(self._read(self._contract.functions.round(task_id))[2])

    def leader_of(self, task_id: int) -> str | None:
        """The miner of the best model so far, if any was revealed."""
        miner = str(self._read(self._contract.functions.leaderOf(task_id))[0])
        return None if int(miner, 16) == 0 else miner

    def commit(self, task_id: int, model_hash: bytes, salt: bytes) -> TxReceipt:
        """Commit the sender to a model; raises CommitWindowClosed, AlreadyCommitted, BalanceTooLow."""
        assert self.sender is not None
        chain_id = self.connection.deployment.chain_id
        commitment = commitment_hash(chain_id, self.address, task_id, self.sender.address, model_hash, salt)
        return self._write(self._contract.functions.commit(task_id, commitment))

    def reveal(
        self,
        task_id: int,
        salt: bytes,
        model: bytes,
        progress: Progress = Progress(),
        row_count: int = ALL_ROWS,
    ) -> TxReceipt:
        """Reveal the sender's model and score it on the next rows.

        Raises RevealWindowClosed, CommitmentMismatch, ProgressMismatch and what the scorer raises.
        """
        told = (progress.scored_count, progress.tally)
        return self._write(self._contract.functions.reveal(task_id, salt, model, told, row_count))

    def settle(self, task_id: int) -> TxReceipt:
        """Settle a task, with the winner's hashes from its reveal; raises WrongPhase."""
        best = self.leader_of(task_id)
        hashes = [
            (model.model_hash, model.parameters_hash)
            for model in self.revealed_models(task_id)
            if model.miner == best
        ]
        return self._write(self._contract.functions.settle(task_id, *(hashes or [(bytes(32), bytes(32))])[0]))

    def abort(self, task_id: int) -> TxReceipt:
        """Abort a task that was not disclosed in time or that nobody committed to; raises WrongPhase."""
        return self._write(self._contract.functions.abort(task_id))

    def claim(self, task_id: int) -> TxReceipt:
        """Take back the sender's bond from an aborted task; raises WrongPhase, NotCommitted."""
        return self._write(self._contract.functions.claim(task_id))

    def revealed_models(self, task_id: int) -> list[RevealedModel]:
        """The leaderboard: all revealed models, best first, ties in the order of commitment."""
        since = TaskRegistryClient(self.connection).task(task_id).draw_block
        models = [
            RevealedModel(
                event["args"]["miner"],
                bytes(event["args"]["modelHash"]),
                bytes(event["args"]["parametersHash"]),
                event["args"]["scoreWad"],
                self.commitment_of(task_id, event["args"]["miner"]).order,
            )
            for event in self._events(self._contract.events.ModelRevealed(), since, taskId=task_id)
        ]
        return sorted(models, key=lambda model: (-model.score_wad, model.order))
