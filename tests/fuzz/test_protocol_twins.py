"""Solidity and Python agree bit for bit: split, Merkle tree, commitment, block hash."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.ledger import Header, block_hash
from offchain.chain.local import anvil_chain
from offchain.chain.proof import commitment_hash
from offchain.learning import row_tree
from offchain.learning.split import drawn_rows, row_at
from tests.world import World

CASES = int(os.environ.get("POLE_FUZZ_CASES", "60"))
fuzz = settings(max_examples=CASES, deadline=None)
words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)
numbers = st.integers(0, 2**256 - 1)


@pytest.fixture(scope="module")
def twins(artifacts: dict[str, Artifact]) -> Iterator[Any]:
    with anvil_chain() as chain:
        deployer = Web3Deployer(chain.w3, dev_account(0), artifacts)
        yield chain.w3.eth.contract(deployer.create("Twins"), abi=artifacts["Twins"].abi).functions  # type: ignore[call-overload]


@fuzz
@given(seed=words, row_count=st.integers(1, 5000), data=st.data())
def test_row_at_is_the_same(twins: Any, seed: bytes, row_count: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, row_count - 1))

    assert twins.rowAt(seed, row_count, position).call() == row_at(seed, row_count, position)


@fuzz
@given(seed=words, row_count=st.integers(2, 700), data=st.data())
def test_test_rows_are_the_same(twins: Any, seed: bytes, row_count: int, data: st.DataObject) -> None:
    end = data.draw(st.integers(1, row_count - 1))
    first = data.draw(st.integers(0, end - 1))

    assert twins.testRows(seed, row_count, first, end).call() == drawn_rows(seed, row_count, end, first)


@fuzz
@given(seed=words, row_count=st.integers(1, 2000))
def test_the_split_is_a_permutation(seed: bytes, row_count: int) -> None:
    assert drawn_rows(seed, row_count, row_count) == list(range(row_count))


def test_the_split_draws_every_row_equally_often() -> None:
    # Chi-square of 4,000 draws of 45 of 150 rows: 149 degrees of freedom, 0.999 quantile 207.3 (SciPy).
    seeds = [bytes(row) for row in np.random.default_rng(1).integers(0, 256, (4000, 32), np.uint8)]
    counts = np.bincount([row for seed in seeds for row in drawn_rows(seed, 150, 45)], minlength=150)

    # Without replacement the variance is smaller by 1 - 45/150, so that the statistic is on the careful side.
    assert np.sum((counts - 1200) ** 2 / 1200) < 207.3


@fuzz
@given(index=numbers, salt=words, row=st.binary(min_size=1, max_size=200))
def test_leaf_is_the_same(twins: Any, index: int, salt: bytes, row: bytes) -> None:
    assert twins.leaf(index, salt, row).call() == row_tree.leaf(index, salt, row)


@fuzz
@given(leaves=st.lists(words, min_size=1, max_size=70), data=st.data())
def test_root_is_the_same(twins: Any, leaves: list[bytes], data: st.DataObject) -> None:
    indices = sorted(data.draw(st.sets(st.integers(0, len(leaves) - 1), min_size=1)))

    proof = row_tree.multiproof(leaves, indices)

    given_leaves = [leaves[index] for index in indices]
    assert twins.root(indices, given_leaves, len(leaves), proof).call() == row_tree.root(leaves)


@fuzz
@given(row_count=st.integers(2, 3000), data=st.data())
def test_a_disclosure_keeps_to_its_bound(twins: Any, row_count: int, data: st.DataObject) -> None:
    indices = sorted(data.draw(st.sets(st.integers(0, row_count - 1), min_size=1, max_size=row_count)))

    nodes = row_tree.multiproof([bytes(32)] * row_count, indices)

    bound = row_tree.disclosure_words(len(indices), row_count)
    assert len(indices) + len(nodes) <= bound
    assert twins.disclosureWords(len(indices), row_count).call() == bound


def test_the_bound_of_a_disclosure_is_reached_by_rows_far_apart() -> None:
    # Each of four rows in a quarter of its own: a salt each, and a node on each of four levels.
    assert len(row_tree.multiproof([bytes(32)] * 64, [0, 16, 32, 48])) == 4 * 4
    assert row_tree.disclosure_words(4, 64) == 4 + 4 * 4


def test_root_of_five_leaves_is_the_hand_worked_one(twins: Any) -> None:
    # ((0 1) (2 3)) 4: the odd node moves up as it is until it has a partner.
    a, b, c, d, e = leaves = [bytes([i]) * 32 for i in range(5)]
    expected = keccak(keccak(keccak(a + b) + keccak(c + d)) + e)

    assert row_tree.root(leaves) == expected
    assert twins.root([4], [e], 5, [keccak(keccak(a + b) + keccak(c + d))]).call() == expected


@fuzz
@given(task_id=numbers, miner=addresses, model_hash=words, salt=words)
def test_commitment_is_the_same(
    deployed: World, task_id: int, miner: str, model_hash: bytes, salt: bytes
) -> None:
    proof: Any = deployed.contract("proof")
    chain_id = deployed.connection.deployment.chain_id

    ours = commitment_hash(chain_id, proof.address, task_id, miner, model_hash, salt)

    assert proof.functions.commitmentHash(task_id, miner, model_hash, salt).call() == ours


@fuzz
@given(
    header=st.builds(
        Header, numbers, numbers, numbers, addresses, words, words, st.integers(-(2**255), 2**255 - 1), words
    )
)
def test_block_hash_is_the_same(deployed: World, header: Header) -> None:
    ledger: Any = deployed.contract("ledger")

    ours = block_hash(deployed.connection.deployment.chain_id, ledger.address, header)

    assert ledger.functions.hashOf(header.as_tuple()).call() == ours
