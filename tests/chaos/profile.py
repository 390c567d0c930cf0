"""How large a run is, how fast it goes, and what goes wrong in it and when."""

import random
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate

DEEPEST_REORGANISATION = 4


class Kind(Enum):
    """What the endpoint does to one request, or to all for a while."""

    REFUSE = "hangs up without having passed it on"
    LOSE = "passes it on and hangs up"
    TRUNCATE = "breaks off in the middle of the answer"
    DELAY = "answers late"
    UNAVAILABLE = "answers 503"
    BUSY = "answers that there are too many requests"
    NONSENSE = "answers what is not JSON"
    OUTAGE = "refuses everything for a while"


SINGLE = [kind for kind in Kind if kind is not Kind.OUTAGE]
PER_OUTAGE = 20  # faults of which one is an outage


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the endpoint, for the first request that comes then.

    of_sending : for the first that sends a transaction
    seconds : of a delay or an outage
    """

    at: float
    kind: Kind
    of_sending: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL.

    while_sending : for the worker that sends the next transaction; `passed_on` says whether that still arrives
    who : where not, whose turn it is among those that run, as a share of them
    pause : seconds until it is started again
    """

    at: float
    while_sending: bool
    passed_on: bool
    who: float
    pause: float


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """The last blocks are replaced by others.

    forgets : their transactions are in no block any more, and no node knows them; else they come into the new ones,
        in another order
    """

    at: float
    depth: int
    forgets: bool


@dataclass(frozen=True, slots=True)
class Windows:
    """The deadlines of tasks and epochs, in seconds."""

    commit: int
    disclose: int
    reveal: int
    declare: int
    price: int
    buy: int
    leftover: int
    deliver: int
    accept: int

    @property
    def to_delivery(self) -> int:
        """From an epoch's opening to its last delivery."""
        return self.declare + self.price + self.buy + self.leftover + self.deliver

    @property
    def of_task(self) -> int:
        """From a task's draw to its end, at the latest."""
        return self.commit + self.disclose + self.reveal

    @property
    def of_epoch(self) -> int:
        """From an epoch's opening to its end, at the latest."""
        return self.to_delivery + self.accept


@dataclass(frozen=True, slots=True)
class Profile:
    """How large a run is.

    pace : how long its windows are, relative to those that an idle machine needs
    gap : seconds from one task to the next, before pace
    posting : "steady", or "random" where the gaps are drawn from an exponential distribution
    """

    tasks: int = 20
    miners: int = 10
    providers: int = 2
    consumers: int = 6
    kills: int = 100
    faults: int = 200
    reorganisations: int = 10
    seed: int = 1
    pace: float = 1.0
    gap: float = 40.0
    posting: str = "steady"

    @property
    def windows(self) -> Windows:
        """The deadlines at this pace; no window is shorter than the deployment allows."""

        def seconds(base: int) -> int:
            return max(10, round(base * self.pace))

        return Windows(*map(seconds, (210, 60, 60, 25, 20, 20, 10, 70, 20)))

    @property
    def room(self) -> float:
        """Seconds of unbroken work, from the first request on, in which a worker does what is due but for training."""
        return 20.0 + 15.0 * self.pace

    @property
    def job_seconds(self) -> float:
        """Seconds that one job takes a provider, which trains one after the other."""
        return 10.0 * self.pace

    @property
    def post_times(self) -> list[float]:
        """When the tasks are posted, in seconds since the workers run."""
        source, gap = random.Random(self.seed), self.gap * self.pace
        gaps = [
            source.expovariate(1 / gap) if self.posting == "random" else gap for _ in range(self.tasks - 1)
        ]
        return list(accumulate(gaps, initial=0.0))

    @property
    def posting_seconds(self) -> float:
        """From the first task to the last."""
        return self.post_times[-1]

    @property
    def busy_seconds(self) -> float:
        """The time in which things go wrong: until the last task's reveals."""
        windows = self.windows
        return self.posting_seconds + windows.commit + windows.disclose

    @property
    def epochs(self) -> int:
        """How many each provider opens: the last while the last task still takes commitments."""
        windows = self.windows
        one = windows.to_delivery - windows.deliver  # the next is opened when nothing more is sold
        return max(1, int((self.posting_seconds + windows.commit - windows.to_delivery) / one) + 1)

    @property
    def longest(self) -> float:
        """Seconds after which a run is given up."""
        return 60 + 1.5 * (self.busy_seconds + self.windows.of_task + 2 * self.windows.of_epoch)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What goes wrong, by the seconds since the workers run."""

    kills: tuple[Kill, ...]
    faults: tuple[Fault, ...]
    reorganisations: tuple[Reorganisation, ...] = field(default=())


def draw_schedule(profile: Profile) -> Schedule:
    """Draw what goes wrong from the profile's seed: the same for the same profile."""
    source = random.Random(profile.seed)

    def times(count: int) -> list[float]:
        return sorted(source.uniform(0.02, 1.0) * profile.busy_seconds for _ in range(count))

    kills = tuple(
        Kill(at, source.random() < 0.5, source.random() < 0.5, source.random(), source.uniform(0.1, 3.0))
        for at in times(profile.kills)
    )
    faults = tuple(
        Fault(
            at,
            Kind.OUTAGE if number % PER_OUTAGE == PER_OUTAGE - 1 else source.choice(SINGLE),
            source.random() < 0.5,
            source.uniform(1.0, 6.0),
        )
        for number, at in enumerate(times(profile.faults))
    )
    reorganisations = tuple(
        Reorganisation(at, source.randint(1, DEEPEST_REORGANISATION), source.random() < 0.5)
        for at in times(profile.reorganisations)
    )
    return Schedule(kills, faults, reorganisations)
