"""Content-addressed blobs: data sets, training rows, parameters, models. A blob's name is its CIDv1."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from offchain.cid import Cid
from offchain.filesystems import Gateway, PlainFolder, probe_folder

ANSWER_SECONDS = 30.0
"""The most that a storage may take to begin, to which come the bytes at the rate below."""
BYTES_PER_SECOND = 1024 * 1024

PROBE_SECONDS = 10.0
"""The most that a look whether a storage can be written may take: a worker that starts may have to reveal soon."""
PROBE_NAME = ".writable"
"""No name of a blob."""

_UNWRITABLE = (FileExistsError, IsADirectoryError, NotADirectoryError)


class StorageError(Exception):
    """The base of what goes wrong with blobs.

    ::

        StorageError
        ├── StorageUrlInvalid
        ├── StorageReadOnly
        ├── StorageUnwritable
        ├── StorageAway
        │   └── StorageDenied
        ├── BlobMissing
        ├── BlobUnwritable
        ├── BlobCorrupt
        └── BlobTooLarge
    """


class StorageUrlInvalid(StorageError):
    """A storage is named in a way that names none."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"a storage is a folder, s3://BUCKET/PREFIX or https://GATEWAY/ipfs: {reason}")


class StorageReadOnly(StorageError):
    """Blobs are to be written where they can only be read."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"{place} can only be read: name the place to write to first")


class StorageUnwritable(StorageError):
    """Blobs are to be written to a folder that is none, or not this user's to write."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(f"{place} cannot be written: {reason}")


class BlobMissing(StorageError):
    """No blob of this name is there."""

    def __init__(self, name: Cid, place: str) -> None:
        self.name, self.place = name, place
        super().__init__(f"no blob {name} in {place}")


class StorageAway(StorageError):
    """A storage does not answer, or makes no sense, or lets this user do nothing: what it hides may yet be well."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(f"{place} cannot be used now: {reason}")


class StorageDenied(StorageAway):
    """A storage answers, and lets this user do nothing."""


class BlobUnwritable(StorageError):
    """What is in a blob's place is no file and cannot be replaced by one."""

    def __init__(self, name: Cid, place: str, reason: str) -> None:
        self.name, self.place, self.reason = name, place, reason
        super().__init__(f"blob {name} cannot be stored in {place}: {reason}")


class BlobCorrupt(StorageError):
    """The bytes under a name are others."""

    def __init__(self, name: Cid, place: str) -> None:
        self.name, self.place = name, place
        super().__init__(f"the bytes of blob {name} in {place} are not those of that name")


class BlobTooLarge(StorageError):
    """A blob is larger than its reader accepts."""

    def __init__(self, name: Cid, place: str, limit: int) -> None:
        self.name, self.place, self.limit = name, place, limit
        super().__init__(f"blob {name} in {place} has more than the {limit:,} bytes that are accepted")


class BlobStore:
    """Blobs in places that workers share: written to the first, read from the first that has them.

    A place is a folder, a bucket (`s3://BUCKET/PREFIX`, with credentials from the AWS environment) or a gateway to
    read from (`https://GATEWAY/ipfs`). In each a blob has its name, so that one can be copied to another.
    """

    def __init__(self, place: str | Path, *others: str | Path) -> None:
        """Raises StorageUrlInvalid."""
        self._places = tuple(_Place.of(str(url)) for url in (place, *others))

    @property
    def places(self) -> tuple[str, ...]:
        """Where blobs are."""
        return tuple(place.url for place in self._places)

    def check_writable(self) -> None:
        """Write to the first place what is no blob, and take it away.

        Raises
        ------
        StorageReadOnly, StorageUnwritable
            Where nothing can be put as long as it is so configured.
        StorageAway
            Where it may be well another time.
        """
        self._places[0].probe()

    def put(self, data: bytes) -> Cid:
        """Store `data` and give its name. A blob appears whole or not at all.

        Raises
        ------
        StorageReadOnly, BlobUnwritable, StorageAway
        """
        name = Cid.of(data)
        self._places[0].write(name, data)  # what is there already may be corrupt
        return name

    def get(self, name: Cid, limit: int) -> bytes:
        """The blob of a name, checked.

        Raises
        ------
        StorageAway
            Where no place has it, and one does not tell.
        BlobCorrupt, BlobTooLarge
            Where there is something else in its place; more than `limit` bytes.
        BlobMissing
            Where there is nothing.
        """
        failures: list[StorageError] = []
        for place in self._places:
            try:
                return place.read(name, limit)
            except StorageError as error:
                failures.append(error)
        away = [error for error in failures if isinstance(error, StorageAway)]
        wrong = [error for error in failures if not isinstance(error, BlobMissing)]
        raise [*away, *wrong, BlobMissing(name, ", ".join(self.places))][0]


@dataclass(frozen=True, slots=True)
class _Place:
    """A file system and the folder in it. Whoever runs it, or can write there, is not trusted."""

    url: str
    files: Any
    folder: str

    @classmethod
    def of(cls, url: str) -> "_Place":
        if "://" not in url:
            return cls(url, PlainFolder(), url)
        parts = urlsplit(url)
        if "@" in parts.netloc or parts.query or parts.fragment:
            # What is in an argument is in process lists and logs.
            raise StorageUrlInvalid("credentials and options come from the environment")
        if not parts.netloc:
            raise StorageUrlInvalid(f"{url!r} lacks a name after '://'")
        folder = url.rstrip("/")
        match parts.scheme:
            case "s3":
                return cls(url, _bucket(), folder)
            case "http" | "https":
                return cls(url, Gateway(), folder)
        raise StorageUrlInvalid(f"{parts.scheme!r} is none of these")

    def read(self, name: Cid, limit: int) -> bytes:
        try:
            with self._answering():
                data = self.files.cat_file(self._path(name), end=limit + 1, timeout=_seconds_for(limit))
        except FileNotFoundError as error:
            raise BlobMissing(name, self.url) from error
        if len(data) > limit:
            raise BlobTooLarge(name, self.url, limit)
        if Cid.of(data) != name:
            raise BlobCorrupt(name, self.url)
        return bytes(data)

    def write(self, name: Cid, data: bytes) -> None:
        if isinstance(self.files, Gateway):
            raise StorageReadOnly(self.url)
        try:
            self._pipe(self._path(name), data, _seconds_for(len(data)))
        except _UNWRITABLE as error:
            raise BlobUnwritable(name, self.url, str(error)) from error

    def probe(self) -> None:
        match self.files:
            case Gateway():
                raise StorageReadOnly(self.url)
            case PlainFolder():
                self._probe_folder()
            case bucket:
                path = f"{self.folder}/{PROBE_NAME}"
                self._pipe(path, b"0", PROBE_SECONDS)
                # Who may get and put, and nothing else, leaves it there: it is always the same one.
                with suppress(Exception):
                    bucket.rm_file(path, timeout=PROBE_SECONDS)

    def _probe_folder(self) -> None:
        try:
            probe_folder(Path(self.folder))
        except (FileNotFoundError, PermissionError, *_UNWRITABLE) as error:
            raise StorageUnwritable(self.url, error.strerror or str(error)) from error
        except OSError as error:
            raise StorageAway(self.url, error.strerror or str(error)) from error

    def _pipe(self, path: str, data: bytes, seconds: float) -> None:
        try:
            with self._answering():
                self.files.pipe_file(path, data, timeout=seconds)
        except FileNotFoundError as error:
            raise StorageAway(self.url, str(error)) from error

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Raise StorageAway for what a file system cannot do for reasons of its own.

        What a server answers is read deep within libraries, and fails there in as many ways as there are answers.
        """
        try:
            yield
        except (FileNotFoundError, *_UNWRITABLE):
            raise
        except TimeoutError as error:
            raise StorageAway(self.url, "no answer in time") from error
        except PermissionError as error:
            raise StorageDenied(self.url, str(error)) from error
        except Exception as error:
            raise StorageAway(self.url, str(error) or repr(error)) from error

    def _path(self, name: Cid) -> str:
        return f"{self.folder}/{name}"


def _bucket() -> Any:
    try:
        from offchain.bucket import Bucket
    except ImportError as error:
        raise StorageUrlInvalid(f"for s3, install polestar[s3] ({error})") from error
    return Bucket()


def _seconds_for(size: int) -> float:
    """How long reading or writing so many bytes may take."""
    return ANSWER_SECONDS + size / BYTES_PER_SECOND
