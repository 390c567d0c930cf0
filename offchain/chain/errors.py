"""What can go wrong with the chain, as one tree.

::

    ChainError
    ├── EndpointUnreachable      nobody answers at the RPC endpoint
    ├── EndpointFaulty           it answers what no node would
    ├── EndpointsDisagree        one endpoint contradicts another
    ├── WrongChain               the endpoint serves another chain than the deployment's
    ├── DeploymentInvalid        the deployments file is missing, malformed or of something else
    ├── DeploymentPresent        a deployment would take the place of one that may be in use
    ├── TokenInvalid             what is to be the token is no ERC-20
    ├── AccountInvalid           no such account, or no key for it
    │   ├── KeyfileMissing       there is no file with it
    │   ├── PassphraseMissing    nothing says what opens its keyfile
    │   └── PassphraseWrong      what is said does not
    ├── TransactionRejected      the node does not take a transaction
    ├── GasMissing               the account cannot pay for a transaction
    ├── TransactionTooLarge      a transaction needs more gas than a transaction may have
    ├── FeeTooHigh               a transaction would cost more than any should
    ├── TransactionTimeout       a transaction was sent and is in no block yet, or not deep enough
    ├── TransactionOvertaken     another transaction of the account came first
    └── TransactionReverted      a contract refused
        ├── UnknownRevert        with data that no known contract declares
        └── ContractError        with a named error: one class each, named as in Solidity

A `ContractError` carries the values of the Solidity error as attributes, by their names there.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import TYPE_CHECKING, Any, ClassVar

import requests
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus

ERROR_SELECTOR = bytes.fromhex("08c379a0")  # of Error(string), as require and revert with a text give it
LONGEST_REASON = 200


def _coin(wei: int, rounding: str) -> str:
    """Wei in the chain's own coin, to four digits: what there is rounded down, and what is needed rounded up."""
    context = Context(prec=4, rounding=rounding)
    return f"{context.create_decimal(wei).scaleb(-18, context).normalize(context):f}"


def _utc(timestamp: int) -> str:
    """A block's time as messages have it; a number where no calendar has it, as a node may tell any."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return str(timestamp)


class ChainError(Exception):
    """Anything that went wrong between this process and the chain."""


class EndpointUnreachable(ChainError, requests.RequestException):
    """Nobody answers at the RPC endpoint."""

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"no node answers at {url}: {reason}")

    @classmethod
    def together(cls, errors: "Sequence[EndpointUnreachable]") -> "EndpointUnreachable":
        """The errors of one endpoint or several as one."""
        first, *others = errors
        return cls(
            first.url, "; nor at ".join([first.reason, *(f"{one.url}: {one.reason}" for one in others)])
        )


class EndpointFaulty(ChainError):
    """The RPC endpoint answers what no node would."""

    def __init__(self, answer: str) -> None:
        self.answer = answer[:200]
        super().__init__(f"the node answers what cannot be: {self.answer}")


class EndpointsDisagree(ChainError):
    """One endpoint contradicts another about what a secret depends on."""

    def __init__(self, task_id: int, url: str, actual: Phase, expected: Phase) -> None:
        self.task_id, self.url, self.actual, self.expected = task_id, url, actual, expected
        super().__init__(
            f"{url} says that task {task_id} is in phase {actual.name}, and another endpoint says {expected.name}:"
            " nothing is told to either until they agree"
        )


class WrongChain(ChainError):
    """The endpoint serves another chain than the deployment is on."""

    def __init__(self, url: str, expected: int, actual: int) -> None:
        self.url, self.expected, self.actual = url, expected, actual
        super().__init__(f"{url} serves chain {actual}, but the deployment is on chain {expected}")


class DeploymentInvalid(ChainError):
    """The deployments file is missing, malformed or of something else."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class DeploymentPresent(ChainError):
    """A deployment would take the place of one that may be in use."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} {reason}: --replace deploys anew and keeps the file as {path}.bak")


class TokenInvalid(ChainError):
    """What is to be the token is no ERC-20."""

    def __init__(self, token: str, reason: str) -> None:
        self.token, self.reason = token, reason
        super().__init__(f"the token {token} {reason}")


class AccountInvalid(ChainError):
    """There is no such account, or no key for it."""


class KeyfileMissing(AccountInvalid):
    """There is no keyfile of that name."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"there is no keyfile {path}: ape accounts generate makes one; a local chain has dev:0, dev:1, ..."
        )


class PassphraseMissing(AccountInvalid):
    """Nothing says what the passphrase of a keyfile is."""


class PassphraseWrong(AccountInvalid):
    """A passphrase does not open a keyfile; neither is shown.

    source : where it came from
    """

    def __init__(self, path: str, source: str, is_empty: bool) -> None:
        self.path, self.source = path, source
        super().__init__(f"{path}: the passphrase from {source} is {'empty' if is_empty else 'wrong'}")


class TransactionRejected(ChainError):
    """The node does not take a transaction."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the node does not take the transaction: {reason}")


class GasMissing(ChainError):
    """The account cannot pay for a transaction, or for a deployment's."""

    def __init__(self, account: str, balance: int, needed: int, what: str = "the transaction") -> None:
        self.account, self.balance, self.needed = account, balance, needed
        super().__init__(
            f"{account} has {_coin(balance, ROUND_FLOOR)} coin, and {what} may cost {_coin(needed, ROUND_CEILING)}:"
            " send it the chain's own coin"
        )


class TransactionTooLarge(ChainError):
    """A transaction needs more gas than one transaction may have (EIP-7825)."""

    def __init__(self, gas: int, limit: int) -> None:
        self.gas, self.limit = gas, limit
        super().__init__(f"the transaction needs {gas:,} gas, and a transaction may use {limit:,} at most")


class FeeTooHigh(ChainError):
    """A transaction would cost more than any should, by the fees that the node tells."""

    def __init__(self, fee: int, limit: int) -> None:
        self.fee, self.limit = fee, limit
        super().__init__(
            f"the transaction may cost {_coin(fee, ROUND_CEILING)} coin, and the most that is paid is"
            f" {_coin(limit, ROUND_FLOOR)}"
        )


class TransactionTimeout(ChainError):
    """A transaction was sent and is in no block yet, or not deep enough."""

    def __init__(self, transaction_hash: str, seconds: float) -> None:
        self.transaction_hash, self.seconds = transaction_hash, seconds
        super().__init__(
            f"transaction {transaction_hash} is in no block, or not deep enough, after {seconds:.0f} s"
        )


class TransactionOvertaken(ChainError):
    """Another transaction of the account came first, and may have changed what is to do."""

    def __init__(self, account: str, nonce: int) -> None:
        self.account, self.nonce = account, nonce
        super().__init__(f"another transaction of {account} came first (nonce {nonce}): look, and try again")


class TransactionReverted(ChainError):
    """A contract refused."""


class UnknownRevert(TransactionReverted):
    """A contract refused with data that no contract of the deployment declares, such as a token's own reasons."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        super().__init__(f"reverted with {_told_by(data)}" if data else "reverted without a reason")


def _told_by(data: bytes) -> str:
    """Revert data in words, where it is Solidity's `Error(string)`: a stranger's text, so none of it is believed."""
    if data[:4] == ERROR_SELECTOR:
        with suppress(DecodingError, UnicodeDecodeError):
            (text,) = decode(["string"], data[4:])
            return repr(text[:LONGEST_REASON])
    return f"data 0x{data.hex()}"


class ContractError(TransactionReverted):
    """A contract refused with a named error.

    money : the names of the values that are token units
    times : the names of those that are times of blocks
    """

    message: ClassVar[str]
    money: ClassVar[tuple[str, ...]] = ()
    times: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)
        dates = {name: _utc(values[name]) for name in self.times}
        super().__init__(self.message.format(**{**values, **dates}))

    def tell_money(self, shown: Callable[[int], str]) -> None:
        """Say in the message what is money as people write it."""
        told = {name: shown(getattr(self, name)) for name in self.money}
        self.args = (self.message.format(**{**vars(self), **told}),)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init_subclass__(cls) -> None:
        BY_NAME[cls.__name__] = cls


BY_NAME: dict[str, type[ContractError]] = {}


# Vault


class BalanceTooLow(ContractError):
    """An account has less in the vault than is to leave it."""

    message = "{account} has {balance} in the vault and needs {amount}: deposit the difference"
    money = ("balance", "amount")


class OperatorNotApproved(ContractError):
    """A contract moves the balance of an account that did not approve it."""

    message = "{account} has not approved {operator} as an operator of its vault balance"


class DepositMismatch(ContractError):
    """The token delivered another amount than was deposited."""

    message = (
        "the token delivered {receivedAmount} of {requestedAmount}: one that takes a fee is not accepted"
    )
    money = ("requestedAmount", "receivedAmount")


class WithdrawalToVault(ContractError):
    """A withdrawal is to the vault itself."""

    message = "the vault cannot be the receiver of a withdrawal: the tokens would be nobody's"


class ReentrancyGuardReentrantCall(ContractError):
    """The token calls back, and its callee deposits or withdraws."""

    message = "the vault takes no deposit and no withdrawal while the token transfers another"


class SafeCastOverflowedUintDowncast(ContractError):
    """An epoch's declarations would end past what its storage can tell."""

    message = "{value} does not fit {bits} bits"


class SafeERC20FailedOperation(ContractError):
    """The token answered a transfer with false."""

    message = "the token {token} did not carry out the transfer"


class ERC20InsufficientBalance(ContractError):
    """An account has fewer tokens outside the vault than it deposits."""

    message = "{sender} has {balance} outside the vault and needs {needed}"
    money = ("balance", "needed")


# Registry


class ScorerNotAccepted(ContractError):
    """A task names a scorer that the deployment does not accept."""

    message = "this deployment does not accept the scorer {scorer}"


class InvalidShape(ContractError):
    """Metric, features and classes of a task do not go together."""

    message = "metric {metric} does not go with {featureCount} features and {classCount} classes"


class InvalidTestCount(ContractError):
    """A task tests on no row or on all rows."""

    message = "cannot test on {testCount} of {rowCount} rows: at least one is to be left to train on"


class WindowOutOfBounds(ContractError):
    """A window is shorter or longer than the deployment allows."""

    message = "a window of {windowSeconds} s is not within {minimumSeconds} to {maximumSeconds} s"


class BondTooLow(ContractError):
    """A bond is lower than the deployment allows."""

    message = "a bond of {bond} is below the least of {minimumBond}"
    money = ("bond", "minimumBond")


class RewardMissing(ContractError):
    """A task offers no reward."""

    message = "a task needs a reward"


class ScoreOutOfReach(ContractError):
    """A task pays from a score that no model can have."""

    message = "no model scores {minScoreWad}: a perfect one scores {maximumScoreWad}"


class UnknownTask(ContractError):
    """A task does not exist."""

    message = "there is no task {taskId}"


class NotDataNode(ContractError):
    """The caller is not the task's data node."""

    message = "task {taskId} belongs to {dataNode}, not to {caller}"


class DrawTooEarly(ContractError):
    """The block that draws has no hash yet."""

    message = "task {taskId} is drawn by block {drawBlock}, and this is block {blockNumber}"


class AlreadyDrawn(ContractError):
    """The test rows were drawn before."""

    message = "task {taskId} is drawn"


class PublishWindowClosed(ContractError):
    """Training rows are published before the draw or after the end of commits."""

    message = "task {taskId} takes training rows until {commitEndsAt}, and it is {timestamp}"
    times = ("commitEndsAt", "timestamp")


class DiscloseWindowClosed(ContractError):
    """Test rows are disclosed before commits end or after the deadline."""

    message = "task {taskId} takes a disclosure from {opensAt} to {endsAt}, and it is {timestamp}"
    times = ("opensAt", "endsAt", "timestamp")


class AlreadyDisclosed(ContractError):
    """The test rows were disclosed before."""

    message = "the test rows of task {taskId} are disclosed"


class DisclosureLengthMismatch(ContractError):
    """A disclosure has another length than the test rows."""

    message = "the disclosure has length {actualLength}, not {expectedLength}"


class DataRootMismatch(ContractError):
    """The disclosed rows are not, in ascending order, the drawn ones of this data set."""

    message = "the disclosed rows hash to another root than the one that task {taskId} was posted with"


class ProofLengthMismatch(ContractError):
    """A multiproof has another number of nodes than its rows call for."""

    message = "the multiproof has {givenNodes} nodes, not {neededNodes}"


# Proof of learning


class NotRegistry(ContractError):
    """Anyone but the registry opens a round."""

    message = "{caller} is not the registry {registry}"


class CommitWindowClosed(ContractError):
    """A miner commits before the draw or after the window."""

    message = "task {taskId} takes commitments until {commitEndsAt}, and it is {timestamp}"
    times = ("commitEndsAt", "timestamp")


class AlreadyCommitted(ContractError):
    """A miner commits to a task for the second time."""

    message = "{miner} has committed to task {taskId}"


class RevealWindowClosed(ContractError):
    """A miner reveals before the disclosure or after the window."""

    message = "task {taskId} takes reveals until {revealEndsAt}, and it is {timestamp}"
    times = ("revealEndsAt", "timestamp")


class NotCommitted(ContractError):
    """A miner that did not commit reveals or claims."""

    message = "{miner} has no commitment to task {taskId}"


class AlreadyRevealed(ContractError):
    """A miner reveals for the second time."""

    message = "{miner} has revealed its model of task {taskId}"


class CommitmentMismatch(ContractError):
    """A reveal is not what was committed."""

    message = "{miner} committed to another model, salt, task or chain than it reveals for task {taskId}"


class ProgressMismatch(ContractError):
    """A reveal goes on from another progress than the miner's last."""

    message = "task {taskId}: {miner} goes on from another progress than its last"


class WrongPhase(ContractError):
    """A task is settled, aborted or claimed from in another phase than that takes."""

    message = "task {taskId} is in phase {actual.name}, and this takes phase {expected.name}"

    def __init__(self, taskId: int, expected: int, actual: int) -> None:
        super().__init__(taskId=taskId, expected=Phase(expected), actual=Phase(actual))


class WinnerMismatch(ContractError):
    """The hashes given to a settlement are not the winner's."""

    message = "the hashes are not those of the model of {winner}, which won task {taskId}"


# Ledger


class NotWriter(ContractError):
    """Anyone but the proof of learning appends a block."""

    message = "{caller} may not append: the ledger's writer is {writer}"


# Compute market


class CapacityMissing(ContractError):
    """An epoch is opened without any units."""

    message = "an epoch needs a capacity"


class InvalidPrices(ContractError):
    """Unit cost, price floor and price cap of an epoch do not go together."""

    message = (
        "a floor of {priceFloor} must be positive and not below a unit cost of {unitCost}, and a cap of {priceCap}"
        " not below the floor and above the cost"
    )
    money = ("unitCost", "priceFloor", "priceCap")


class ToleranceOutOfBounds(ContractError):
    """A tolerance is lower or higher than the deployment allows."""

    message = "a tolerance of {toleranceWad} is not within {minimumWad} to {maximumWad}"


class ConsumerLimitOutOfBounds(ContractError):
    """An epoch admits no consumer, or more than a price can be proved for."""

    message = "an epoch admits 1 to {maximum} consumers, not {maxConsumers}"


class UnknownEpoch(ContractError):
    """An epoch does not exist."""

    message = "there is no epoch {epochId}"


class WrongEpochPhase(ContractError):
    """An epoch is in another phase than the call takes."""

    message = "epoch {epochId} is in phase {actual.name}, and this takes phase {expected.name}"

    def __init__(self, epochId: int, expected: int, actual: int) -> None:
        super().__init__(epochId=epochId, expected=EpochPhase(expected), actual=EpochPhase(actual))


class EpochFull(ContractError):
    """As many consumers as an epoch admits have declared."""

    message = "epoch {epochId} admits {maxConsumers} consumers, and they have declared"


class NumberTooLarge(ContractError):
    """A declared number does not fit 85 bits."""

    message = "a declaration cannot hold {number}: {maximum} is the most"


class SlopeMissing(ContractError):
    """A quadratic utility has no slope."""

    message = "a quadratic utility needs a positive slope"


class LockTooLow(ContractError):
    """A declaration locks too little, as one that wants nothing at any price."""

    message = "a best response that costs {lock} at most is below the least of {minimumLock}"
    money = ("lock", "minimumLock")


class NotProvider(ContractError):
    """The caller is not the epoch's provider."""

    message = "epoch {epochId} belongs to {provider}, not to {caller}"


class PriceOutOfBounds(ContractError):
    """A posted price is below the epoch's floor or above its cap."""

    message = "a price of {price} is not within {priceFloor} to {priceCap}, as epoch {epochId} has it"
    money = ("price", "priceFloor", "priceCap")


class PriceRefuted(ContractError):
    """Another price earns more than the posted one."""

    message = "in epoch {epochId} a price of {betterPrice} earns more than {price}"
    money = ("price", "betterPrice")


class PriceUndecided(ContractError):
    """A posted price can be neither proved nor refuted."""

    message = "in epoch {epochId} the tolerance is too fine to prove a price of {price} beyond {point}"
    money = ("price", "point")


class PriceMissing(ContractError):
    """A walk is continued and no price was posted."""

    message = "no price is posted in epoch {epochId}"


class PointsMissing(ContractError):
    """A walk is to go no step."""

    message = "a walk needs at least one point"


class UnknownDeclaration(ContractError):
    """An epoch has no declaration of an index."""

    message = "epoch {epochId} has no declaration {index}"


class NotConsumer(ContractError):
    """The caller is not the consumer that declared."""

    message = "declaration {index} of epoch {epochId} is of {consumer}, not of {caller}"


class DeclarationClosed(ContractError):
    """A declaration's lock is gone, into a purchase or back."""

    message = "declaration {index} of epoch {epochId} has bought or was given up"


class UnitsMissing(ContractError):
    """No units are asked for."""

    message = "a purchase needs units"


class DemandExceeded(ContractError):
    """A declared consumer asks for more than its best response."""

    message = (
        "declaration {index} of epoch {epochId} wants {demandedUnits} at the price, not {requestedUnits}"
    )


class PurchaseTooSmall(ContractError):
    """A purchase of what is left costs too little and leaves something."""

    message = "a purchase of what is left in epoch {epochId} costs at least {minimumCost}, not {cost}"
    money = ("minimumCost", "cost")


class SoldOut(ContractError):
    """Nothing is left of an epoch's capacity: the consumer could not get resources."""

    message = "nothing is left of the capacity of epoch {epochId}"


class CapacityExceeded(ContractError):
    """A purchase exceeds what is left of the epoch's capacity."""

    message = "{remainingUnits} are left of the capacity of epoch {epochId}, less than {requestedUnits}"


class WrongPurchaseStatus(ContractError):
    """A purchase is in another state than the call takes."""

    message = (
        "purchase {purchaseId} of epoch {epochId} is in state {actual.name}, and this takes {expected.name}"
    )

    def __init__(self, epochId: int, purchaseId: int, expected: int, actual: int) -> None:
        super().__init__(
            epochId=epochId,
            purchaseId=purchaseId,
            expected=PurchaseStatus(expected),
            actual=PurchaseStatus(actual),
        )


class NotBuyer(ContractError):
    """The caller is not the consumer of a purchase."""

    message = "purchase {purchaseId} of epoch {epochId} is of {consumer}, not of {caller}"


class NothingToRelease(ContractError):
    """There is no bond left to release."""

    message = "the provider of epoch {epochId} has its bond back for all units that were not sold"


# Scorers


class ModelTruncated(ContractError):
    """Model bytes end before the model does."""

    message = "the model has {actualLength} bytes and needs {expectedLength}"


class ModelTooLong(ContractError):
    """Model bytes go on after the model's end, or exceed the size limit."""

    message = "the model has {actualLength} bytes and may have {maximumLength}"


class ModelVersionUnsupported(ContractError):
    """Model bytes are of a format version that the scorer does not read."""

    message = "the model is of format version {actualVersion}, and the scorer reads {expectedVersion}"


class ModelKindMismatch(ContractError):
    """Model bytes are of a kind that another scorer reads."""

    message = "the model is of kind {actualKind}, and the scorer reads kind {expectedKind}"


class ModelFeaturesMismatch(ContractError):
    """A model takes another number of features than a row has."""

    message = "the model takes {actualFeatures} features, and the task's rows have {expectedFeatures}"


class ModelClassesMismatch(ContractError):
    """A model tells apart another number of classes than the task has."""

    message = "the model tells {actualClasses} classes apart, and the task has {expectedClasses}"


class RowsMalformed(ContractError):
    """A part of the test set holds a part of a row."""

    message = "{dataLength} bytes are not one or more rows of {rowLength} bytes"


class RowsOutOfRange(ContractError):
    """No rows, or more than there are, are to be scored."""

    message = "{count} rows after {skip} are to be scored: none, or {missing} more than there are"


class MappingOutOfRange(ContractError):
    """A mapping has a width that is no multiple of 32 up to 256, or rows too many features."""

    message = "no secure mapping takes {featureCount} features to {width}"


class MetricNotApplicable(ContractError):
    """A metric does not apply to the kind of target."""

    message = "metric {metric} does not apply to {classCount} classes"


class LayerCountOutOfRange(ContractError):
    """A model has no layers or too many."""

    message = "the model has {layerCount} layers, 1 to {maximumCount} are allowed"


class LayerWidthOutOfRange(ContractError):
    """A layer, or the input, has no width or too much."""

    message = "layer {layer} has width {width}, 1 to {maximumWidth} are allowed"


class LayerShiftOutOfRange(ContractError):
    """A layer shifts its sums further than its place allows."""

    message = "layer {layer} shifts by {shift} bits, {maximumShift} at most are allowed"


class LayerBiasOutOfRange(ContractError):
    """A bias could carry a sum out of its lane."""

    message = "the bias {bias} of neuron {neuron} in layer {layer} exceeds {maximumMagnitude} in magnitude"


class MultiplierOutOfRange(ContractError):
    """A regressor's multiplier is negative."""

    message = "the multiplier {multiplier} is negative"


class AggregationUnsupported(ContractError):
    """The leaves of a tree model are to be added up in an unknown way."""

    message = "the model adds up its leaves in the unknown way {aggregation}"


class TreeCountOutOfRange(ContractError):
    """A model has no trees or too many."""

    message = "the model has {treeCount} trees, 1 to {maximumCount} are allowed"


class TreeEmpty(ContractError):
    """A tree has no nodes."""

    message = "tree {tree} has no nodes"


class TreeFeatureOutOfRange(ContractError):
    """A branch asks for a feature that rows do not have."""

    message = "node {node} of tree {tree} asks for feature {feature}, which rows do not have"


class TreeChildOutOfRange(ContractError):
    """A branch's right child does not come after its left one, or is no node of the tree."""

    message = "node {node} of tree {tree} has node {child} as its right child"


class TreeLeafMalformed(ContractError):
    """A leaf has another mark, or votes for a class that there is not."""

    message = "node {node} of tree {tree} is not a leaf as leaves are"


class TreeTooDeep(ContractError):
    """A branch lies too deep."""

    message = "node {node} of tree {tree} lies deeper than {maximumDepth} branches"
