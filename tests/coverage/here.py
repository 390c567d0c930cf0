"""Chains in this process where tests ask for Anvil, so that what runs on them is seen; of contracts of any size."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from eth.vm.forks.shanghai import computation as shanghai
from eth.vm.forks.spurious_dragon import computation as spurious_dragon
from eth_utils.address import to_canonical_address
from web3 import EthereumTesterProvider, Web3
from web3.types import RPCEndpoint, RPCResponse

from offchain.chain import local
from offchain.chain.local import LocalChain, eth_tester_chain
from offchain.learning import scoring_gas

MORE_GAS = 2  # than the optimizer's code takes


class Overriding(EthereumTesterProvider):
    """eth-tester, and calls of accounts whose code is given with them, as a node answers them."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer a request."""
        if method != "eth_call" or len(params) < 3:
            return super().make_request(method, params)
        call, _, overrides = params
        assert self.ethereum_tester is not None
        vm = self.ethereum_tester.backend.chain.get_vm()
        for address, override in overrides.items():
            vm.state.set_code(to_canonical_address(address), bytes.fromhex(override["code"][2:]))
        to, nobody = to_canonical_address(call["to"]), bytes(20)
        computation = vm.execute_bytecode(
            origin=nobody,
            gas_price=0,
            gas=MORE_GAS * int(call["gas"], 16),
            to=to,
            sender=nobody,
            value=0,
            data=bytes.fromhex(call["data"][2:]),
            code=vm.state.get_code(to),
        )
        told = "0x" + computation.output.hex()
        if computation.is_error:
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "reverted", "data": told}}
        return {"jsonrpc": "2.0", "id": 1, "result": told}


@contextmanager
def _chain_here(*_: object, **__: object) -> Iterator[LocalChain]:
    chain = eth_tester_chain()
    yield replace(chain, w3=Web3(Overriding(chain.w3.provider.ethereum_tester)))  # type: ignore[attr-defined]


def use_chains_here() -> None:
    """From now on; before the tests import what is replaced. Without an optimizer contracts outgrow the limits."""
    spurious_dragon.EIP170_CODE_SIZE_LIMIT = 1 << 20  # type: ignore[attr-defined]
    shanghai.MAX_INITCODE_SIZE = 1 << 20  # type: ignore[attr-defined]
    bound = scoring_gas.reveal_gas_bound
    scoring_gas.reveal_gas_bound = lambda *shape: MORE_GAS * bound(*shape)
    local.anvil_chain = _chain_here
