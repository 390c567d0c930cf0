"""A transaction that was sent: what it pays for gas, and what to do about it by what the chain says of it."""

from dataclasses import dataclass
from enum import Enum

from eth_account.datastructures import SignedTransaction
from hexbytes import HexBytes
from web3.types import TxParams

from offchain.chain.errors import FeeTooHigh


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei for a unit of gas: the most that is paid, and what of it is for the block's maker (EIP-1559)."""

    most: int
    tip: int

    @classmethod
    def fair(cls, base_fee: int, tip: int) -> "Fees":
        """What is enough for six full blocks after one with `base_fee`: each raises it by an eighth."""
        return cls(2 * base_fee + tip, tip)

    def raised(self) -> "Fees":
        """More by an eighth, and a wei at least: nodes replace a transaction by one that pays a tenth more of both."""
        return Fees(_eighth_more(self.most), _eighth_more(self.tip))

    def at_least(self, other: "Fees") -> "Fees":
        """The greater of both."""
        return Fees(max(self.most, other.most), max(self.tip, other.tip))

    def within(self, gas: int, most_wei: int, base_fee: int) -> "Fees":
        """As much of them as a transaction may cost; raises FeeTooHigh where that is too little for a block."""
        least = gas * (base_fee + self.tip)
        if least > most_wei:
            raise FeeTooHigh(least, most_wei)
        return Fees(min(self.most, most_wei // gas), self.tip)


def _eighth_more(fee: int) -> int:
    return max(fee + 1, -(-fee * 9 // 8))


@dataclass(frozen=True, slots=True)
class Outstanding:
    """One nonce and one content, signed once for each of the fees that were offered for it.

    fields : of the newest signature
    sent_at : when that was sent, on the monotonic clock
    """

    fields: TxParams
    signed: tuple[SignedTransaction, ...]
    sent_at: float

    @property
    def nonce(self) -> int:
        """Of all of them, so that one comes into a block at most."""
        return int(self.fields["nonce"])

    @property
    def fees(self) -> Fees:
        """What the newest signature offers."""
        return Fees(int(self.fields["maxFeePerGas"]), int(self.fields["maxPriorityFeePerGas"]))

    @property
    def hashes(self) -> list[HexBytes]:
        """The names of all of them, the newest first."""
        return [HexBytes(signed.hash) for signed in reversed(self.signed)]

    def does(self, content: TxParams) -> bool:
        """Whether it calls the same contract with the same data."""
        return all(self.fields[key] == content[key] for key in ("to", "data"))


class Standing(Enum):
    """Where a transaction stands."""

    CONFIRMED = "in a block, as deep as is asked for"
    IN_BLOCK = "in a block, and not yet so deep"
    NONCE_USED = "in no block, and its nonce is used"
    POOLED = "in no block, and the node has it"
    UNKNOWN = "in no block, and the node knows nothing of it"


class Step(Enum):
    """What is done about it."""

    FINISH = "it has come to its end"
    WAIT = "wait"
    RESEND = "send the same bytes again"
    REPLACE = "send it with the same nonce and higher fees"
    GIVE_UP = "another transaction has its nonce"


STEPS = {
    # standing                stale
    (Standing.CONFIRMED,      False): Step.FINISH,
    (Standing.CONFIRMED,      True):  Step.FINISH,
    (Standing.IN_BLOCK,       False): Step.WAIT,
    (Standing.IN_BLOCK,       True):  Step.WAIT,
    (Standing.NONCE_USED,     False): Step.WAIT,     # the receipt may be late
    (Standing.NONCE_USED,     True):  Step.GIVE_UP,
    (Standing.POOLED,         False): Step.WAIT,
    (Standing.POOLED,         True):  Step.REPLACE,
    (Standing.UNKNOWN,        False): Step.RESEND,   # forgotten, or in a block that was reorganised away
    (Standing.UNKNOWN,        True):  Step.REPLACE,
}  # fmt: skip


def next_step(standing: Standing, *, stale: bool) -> Step:
    """What to do about a transaction; stale: it was last signed so long ago that a fair fee would have done."""
    return STEPS[standing, stale]
