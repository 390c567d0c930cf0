"""A reveal with too little gas: the scorer runs dry, and what called it has a 64th left to go on with.

Source: EIP-150's rule, known from relayers whose inner call failed unnoticed (SWC-126, insufficient gas griefing).
Gain: a reveal that counts with a score of nothing, or a bond that is given back for a model that was never scored.
Defence: the scorer's call is not caught: where it fails all fails. Nothing is written before it, and the bytes of a
model say what its scoring takes.
"""

from typing import Any

import numpy as np
import pytest

from offchain.chain.proof import ALL_ROWS
from offchain.learning.rows import SaltedRows
from tests.attacks.test_model_sizes import dense
from tests.stories import SALT, commit
from tests.world import FUNDS, UNIT, World

# 60 inputs, 250 hidden units: scoring takes most of the gas, and a 64th of it would pay for what is behind.
WIDTHS = (60, 250, 2)
NEAR = 160


class Reveal:
    """One reveal that can be tried with any gas, and undone."""

    def __init__(self, world: World, row_count: int) -> None:
        self.world, self.miner = world, world.miners[0]
        table = np.random.default_rng(4).integers(0, 256, (80, WIDTHS[0] + 1), np.uint8)
        table[:, -1] %= 2
        rows, model = SaltedRows(tuple(row.tobytes() for row in table), b"\x07" * 32), dense(*WIDTHS)
        task = world.drawn(world.spec(rows, feature_count=WIDTHS[0], test_count=40, min_score_wad=0))
        commit(self.miner, task, model)
        self.task = world.disclose(task, rows)
        hidden = world.data_node.registry.disclosed_rows(self.task)
        self.score = hidden[WIDTHS[0] :: WIDTHS[0] + 1].count(0) * UNIT // 40
        proof = world.contract("proof")
        self._call = proof.functions.reveal(task.task_id, SALT, model, (0, ()), row_count)
        self._needed = self._call.estimate_gas({"from": self.miner.address})
        self._before = self.state()

    def state(self) -> tuple[object, ...]:
        """All that a reveal can write."""
        proof, task_id = self.miner.proof, self.task.task_id
        contract: Any = self.world.contract("proof")
        views = contract.functions
        return (
            proof.commitment_of(task_id, self.miner.address),
            views.round(task_id).call(),
            views.leaderOf(task_id).call(),
            views.progressHashOf(task_id, self.miner.address).call(),
            self.miner.balance(),
        )

    def succeeds_with(self, gas: int) -> bool:
        """Try, check that nothing happened where it failed, and undo."""
        go_back = self.world.chain.snapshot()
        sent = self._call.transact({"from": self.miner.address, "gas": gas})
        done = self.world.chain.w3.eth.wait_for_transaction_receipt(sent)["status"] == 1
        if done:
            self.check_scored()
        else:
            assert self.state() == self._before, f"a reveal that failed with {gas} gas wrote something"
        go_back()
        return done

    def check_scored(self) -> None:
        """It is done, and done right."""
        if self.miner.proof.commitment_of(self.task.task_id, self.miner.address).revealed:
            (model,) = self.miner.proof.revealed_models(self.task.task_id)
            assert model.score_wad == self.score
            assert self.miner.balance() == FUNDS
        else:
            progress = self.miner.proof.progress_of(self.task.task_id, self.miner.address)
            assert progress.scored_count == 20
            assert progress.tally[0] & (2**64 - 1) == 20

    @property
    def floor(self) -> int:
        """What the calldata takes alone (EIP-7623); no node takes less."""
        data = bytes.fromhex(self._call._encode_transaction_data()[2:])
        return int(21_000 + 10 * (4 * len(data) - 3 * data.count(0)))

    def least_gas(self) -> int:
        """By bisection."""
        low, high = self.floor, 2 * self._needed
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.succeeds_with(middle) else (middle, high)
        return int(high)


@pytest.mark.parametrize("row_count", [ALL_ROWS, 20], ids=["in one", "in parts"])
def test_a_reveal_is_scored_right_or_nothing_happens(world: World, row_count: int) -> None:
    reveal = Reveal(world, row_count)
    least = reveal.least_gas()

    far = np.linspace(reveal.floor, least - 1, 60).astype(int).tolist()
    assert not any(reveal.succeeds_with(gas) for gas in far)
    # A 64th of the gas around the least, within which what the scorer leaves decides; and each unit next to it.
    around = np.linspace(least * 63 // 64, least * 65 // 64, 60).astype(int).tolist()
    near = range(least - NEAR, least + NEAR, 8)
    for gas in (*around, *near):
        assert reveal.succeeds_with(gas) is (gas >= least)
    print(f"least gas: {least:,}")
