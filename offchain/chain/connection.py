"""One connection to one deployment on one chain."""

import logging
import math
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import as_completed, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import NamedTuple

from web3 import Web3
from web3.exceptions import BadFunctionCallOutput

from offchain import metrics
from offchain.chain.deployment import Deployment
from offchain.chain.endpoint import open_web3, shown
from offchain.chain.endpoints import FIRST_SECONDS, Endpoints, at_once
from offchain.chain.errors import (
    ChainError,
    DeploymentInvalid,
    EndpointFaulty,
    EndpointUnreachable,
    WrongChain,
)
from offchain.chain.reverts import RevertDecoder

log = logging.getLogger(__name__)

SLOW_SECONDS = 4.0  # of silence, after which somebody may wonder what goes on
OTHERS_SECONDS = 2.0  # for the other endpoints, once one has answered

NO_CONTRACT = "no contract at the deployment's addresses: was the node started anew?"


class Head(NamedTuple):
    """The newest block; two of one number and timestamp differ in their hash."""

    number: int
    timestamp: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Connection:
    """A node and the deployment that is used through it.

    witnesses : each endpoint by itself, for what is not to be believed of one
    """

    w3: Web3
    deployment: Deployment
    reverts: RevertDecoder
    witnesses: tuple[Web3, ...] = ()

    @classmethod
    def over(cls, w3: Web3, deployment: Deployment, witnesses: tuple[Web3, ...] = ()) -> "Connection":
        """Use `deployment` through a web3 that is there already."""
        return cls(w3, deployment, RevertDecoder(deployment.abis), witnesses)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Raise the typed error of any revert in the block, and EndpointFaulty where the answer is none."""
        try:
            with readable(), self.reverts.typed():
                yield
        except EndpointFaulty as error:
            faulty = error
            if isinstance(error.__cause__, BadFunctionCallOutput) and not has_contracts(
                self.w3, self.deployment
            ):
                faulty = EndpointFaulty(NO_CONTRACT)
            if isinstance(self.w3.provider, Endpoints):
                self.w3.provider.distrust(str(faulty))
            raise faulty from error.__cause__

    def head(self) -> Head:
        """Ask for the newest block."""
        with self.asking():
            latest = self.w3.eth.get_block("latest")
            head = Head(int(latest["number"]), int(latest["timestamp"]), bytes(latest["hash"]))
        metrics.HEAD_AT.set(head.timestamp)
        return head

    def wei_per_gas(self) -> int:
        """What a transaction in the newest block pays for gas, with the usual tip."""
        with self.asking():
            return int(self.w3.eth.get_block("latest")["baseFeePerGas"]) + int(self.w3.eth.max_priority_fee)


@contextmanager
def readable() -> Iterator[None]:
    """Raise EndpointFaulty where web3 cannot make sense of an answer; to be put around its calls alone.

    What comes from the endpoint is decoded deep within web3, and fails there in as many ways as there are types.
    """
    try:
        yield
    except (ChainError, OSError):
        raise
    except Exception as error:
        raise EndpointFaulty(str(error) or repr(error)) from error


def has_contracts(w3: Web3, deployment: Deployment) -> bool:
    """Whether there is code where the deployment's proof of learning should be."""
    with readable():
        return bool(w3.eth.get_code(Web3.to_checksum_address(deployment.proof.address)))


def open_endpoint(url: str) -> tuple[Web3, int]:
    """Open an RPC endpoint and ask its chain id; raises EndpointUnreachable."""
    with _told_when_slow([url]):
        return _open(url, math.inf)


def _open(url: str, seconds: float) -> tuple[Web3, int]:
    w3 = open_web3(Endpoints([url], seconds=seconds))
    try:
        with readable():
            return w3, int(w3.eth.chain_id)
    except EndpointFaulty as error:
        raise EndpointUnreachable(shown(url), str(error)) from error


@contextmanager
def _told_when_slow(urls: Sequence[str]) -> Iterator[None]:
    """Say for whom one waits, where the block takes some seconds."""
    clock = Timer(SLOW_SECONDS, log.warning, ("no answer yet from %s: waiting", ", ".join(map(shown, urls))))
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


def _served(urls: Sequence[str], chain_id: int | None) -> tuple[int, Collection[int]]:
    """The one chain that all endpoints serve which answer, and of which one has to; and the places of those away.

    Once one has answered, the others are not waited for long: who answers late is looked at again, as one that is
    away is, and left out where it serves another chain.
    """
    seconds = FIRST_SECONDS if len(urls) > 1 else math.inf

    def ask(url: str) -> int | EndpointUnreachable:
        try:
            return _open(url, seconds)[1]
        except EndpointUnreachable as error:
            return error

    asked = at_once(ask, urls)
    with _told_when_slow(urls):
        for first in as_completed(asked):
            if isinstance(first.result(), int):
                break
    wait(asked, OTHERS_SECONDS)
    answers = [
        told.result() if told.done() else EndpointUnreachable(shown(url), "no answer yet")
        for url, told in zip(urls, asked, strict=True)
    ]
    away = {at: answer for at, answer in enumerate(answers) if isinstance(answer, EndpointUnreachable)}
    if len(away) == len(answers):
        raise EndpointUnreachable.together(list(away.values()))
    for error in away.values():
        log.warning("%s", error)
    for url, answer in zip(urls, answers, strict=True):
        if isinstance(answer, EndpointUnreachable):
            continue
        if chain_id is not None and answer != chain_id:
            raise WrongChain(shown(url), chain_id, answer)
        chain_id = answer
    assert chain_id is not None
    return chain_id, away


def connect(urls: Sequence[str], deployments: Path, chain_id: int | None = None) -> Connection:
    """Connect to the deployment on the chain that the endpoints serve.

    Parameters
    ----------
    urls : the RPC endpoints, the preferred one first
    deployments : the folder of the deployments files
    chain_id : the chain that is meant, where the endpoints must not decide

    Raises
    ------
    EndpointUnreachable, WrongChain, DeploymentInvalid
    """
    served, away = _served(urls, chain_id)
    path = deployments / f"{served}.json"
    deployment = Deployment.load(path)
    if deployment.chain_id != served:
        raise WrongChain(shown(urls[0]), deployment.chain_id, served)
    provider = Endpoints(urls, served, away)
    w3 = open_web3(provider)
    if not has_contracts(w3, deployment):
        raise DeploymentInvalid(str(path), f"{shown(str(provider.preferred.endpoint_uri))} has {NO_CONTRACT}")
    return Connection.over(w3, deployment, tuple(map(open_web3, provider.endpoints)))
