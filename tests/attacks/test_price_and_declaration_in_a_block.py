"""A price and a late declaration in one block: whoever orders the block lets one of them see the other.

Source: front-running and back-running, as in Flash Boys 2.0 (Daian et al., 2019).
Gain: a consumer that declares after it has seen the price, or a provider that prices before the last declaration
that it does not like.
Defence: declarations end and prices begin at the same timestamp, and a block has one timestamp: in no block are both
valid, in whatever order. A declaration that was kept out to the last block of its window is late; a consumer that
declares earlier depends on no single proposer.
"""

import pytest
from web3.types import RPCEndpoint

from offchain.chain.phase import EpochPhase
from tests.market_world import BEST_PRICE, consumers_of, declare, opened, provider_of
from tests.world import UNIT, World


@pytest.mark.parametrize("seconds", [-1, 0], ids=["the last second to declare", "the first to price"])
@pytest.mark.parametrize("order", ["declaration first", "price first"])
def test_one_of_the_two_is_refused_in_any_order(world: World, order: str, seconds: int) -> None:
    epoch_id = opened(world)
    declare(consumers_of(world)[0], epoch_id)
    functions = world.contract("market").functions
    calls = {
        consumers_of(world)[1].address: functions.declareLog(epoch_id, 4 * UNIT, UNIT, 100 * UNIT),
        provider_of(world).address: functions.postPrice(epoch_id, BEST_PRICE, 2**32),
    }
    if order == "price first":
        calls = dict(reversed(calls.items()))
    w3, ends_at = world.chain.w3, provider_of(world).market.phase_ends_at(epoch_id)
    assert ends_at is not None

    def request(method: str, *parameters: object) -> None:
        w3.provider.make_request(RPCEndpoint(method), list(parameters))

    request("evm_setAutomine", False)
    try:
        fees = (30 * 10**9, 20 * 10**9)  # the order that they are in
        sent = [
            call.transact({"from": sender, "gas": 2_000_000, "gasPrice": fee})
            for (sender, call), fee in zip(calls.items(), fees, strict=True)
        ]
        request("evm_setNextBlockTimestamp", ends_at + seconds)
        request("evm_mine")
        receipts = [w3.eth.wait_for_transaction_receipt(transaction) for transaction in sent]
    finally:
        request("evm_setAutomine", True)

    assert receipts[0]["blockNumber"] == receipts[1]["blockNumber"]
    assert [receipt["transactionIndex"] for receipt in receipts] == [0, 1]
    valid = consumers_of(world)[1].address if seconds < 0 else provider_of(world).address
    assert [receipt["from"] for receipt in receipts if receipt["status"] == 1] == [valid]
    epoch = provider_of(world).market.epoch(epoch_id)
    assert (epoch.consumer_count, epoch.price) == ((2, 0) if seconds < 0 else (1, BEST_PRICE))
    if seconds == 0:
        assert provider_of(world).market.phase_of(epoch_id) is EpochPhase.BUY
