"""Chains on this machine: eth-tester in this process, Anvil as a process of its own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, HTTPProvider, Web3
from web3.types import RPCEndpoint

from offchain.chain.accounts import DEV_MNEMONIC
from offchain.chain.errors import ChainError

START_SECONDS = 60.0  # on a machine that is busy
HARD_FORK = "prague"
BLOCK_GAS_LIMIT = 30_000_000
ANVIL_CHAIN_ID = 31337
GENESIS_AT = 4_102_444_800
"""The year 2100: only after a later parent does a block in this process not take this machine's time."""


@dataclass(frozen=True, slots=True)
class LocalChain:
    """A chain whose clock and blocks its user commands.

    set_time : mines a block with at least this timestamp
    mine : mines so many blocks
    """

    w3: Web3
    set_time: Callable[[int], None]
    mine: Callable[[int], None]
    snapshot: Callable[[], Callable[[], None]]  # gives the function that goes back to it

    def now(self) -> int:
        """The timestamp of the newest block."""
        return int(self.w3.eth.get_block("latest")["timestamp"])

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.set_time(self.now() + seconds)


def eth_tester_chain(accounts: int = 10) -> LocalChain:
    """A chain in this process, with the funded accounts that Anvil has too.

    Where it is asked the same, every hash on it is the same, and so is what is drawn from a block.
    """
    backend = PyEVMBackend.from_mnemonic(
        DEV_MNEMONIC,
        num_accounts=accounts,
        hd_path="m/44'/60'/0'/0",
        genesis_parameters={"gas_limit": BLOCK_GAS_LIMIT, "timestamp": GENESIS_AT},
        genesis_state_overrides={"balance": 10**24},
    )
    # eth-tester draws PREVRANDAO anew for each block, and with it the block's hash.
    mine_block = backend.chain.mine_block
    backend.chain.mine_block = lambda **options: mine_block(**{**options, "mix_hash": bytes(32)})
    tester = EthereumTester(backend)

    def set_time(timestamp: int) -> None:
        if timestamp > tester.get_block_by_number("pending")["timestamp"]:
            tester.time_travel(timestamp)
        tester.mine_block()

    def snapshot() -> Callable[[], None]:
        taken = tester.take_snapshot()
        return lambda: tester.revert_to_snapshot(taken)

    return LocalChain(
        Web3(EthereumTesterProvider(tester)), set_time, lambda blocks: tester.mine_blocks(blocks), snapshot
    )


@contextmanager
def anvil_chain(
    block_seconds: int | None = None,
    port: int | None = None,
    chain_id: int = ANVIL_CHAIN_ID,
    repeatable: bool = False,
) -> Iterator[LocalChain]:
    """A running Anvil, ended with the block; a block per transaction, or one every `block_seconds`.

    repeatable : a block is a second after the one before it, whatever this machine's clock says, so that every hash
        is the same where it is asked the same
    """
    program = shutil.which("anvil")
    if program is None:
        raise ChainError("anvil is not on the path: source toolchain/activate")
    port = port or _free_port()
    command = [program, "--port", str(port), "--mnemonic", DEV_MNEMONIC, "--hardfork", HARD_FORK, "--silent"]
    command += ["--accounts", "150", "--gas-limit", str(BLOCK_GAS_LIMIT), "--chain-id", str(chain_id)]
    command += ["--block-time", str(block_seconds)] if block_seconds else []
    command += ["--timestamp", str(GENESIS_AT)] if repeatable else []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        w3 = Web3(HTTPProvider(f"http://127.0.0.1:{port}", request_kwargs={"timeout": 30}))
        deadline = time.monotonic() + START_SECONDS
        while not w3.is_connected():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ChainError(f"anvil did not start on port {port}")
            time.sleep(0.05)
        if repeatable:
            w3.provider.make_request(RPCEndpoint("anvil_setBlockTimestampInterval"), [1])
        yield _anvil(w3)
    finally:
        process.terminate()
        process.wait()


def running_anvil(w3: Web3) -> LocalChain:
    """An Anvil that somebody else has started, and ends."""
    return _anvil(w3)


def _anvil(w3: Web3) -> LocalChain:
    def request(method: str, *parameters: object) -> object:
        return w3.provider.make_request(RPCEndpoint(method), list(parameters))["result"]

    def set_time(timestamp: int) -> None:
        latest = w3.eth.get_block("latest")["timestamp"]
        request("evm_setNextBlockTimestamp", max(timestamp, latest + 1))
        request("evm_mine")

    def snapshot() -> Callable[[], None]:
        taken = request("evm_snapshot")

        def go_back() -> None:
            request("evm_revert", taken)

        return go_back

    def mine(blocks: int) -> None:
        request("anvil_mine", hex(blocks))

    return LocalChain(w3, set_time, mine, snapshot)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
