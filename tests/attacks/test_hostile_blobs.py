"""Attack: plant files in the storage that workers share, so that who reads a blob runs, follows or swallows it.

The storage is a folder that several accounts, and in a real deployment several machines, write to. An attacker with
write access would gain:

- by a pickle (CWE-502, deserialisation of untrusted data): code in the process that holds the miner's key;
- by a compressed bomb (CWE-409): the memory of the process, which then does not reveal in time and loses its bond;
- by a link or a name with `..` (CWE-59, CWE-22): the reading of files that only the worker can read;
- by a pipe: a worker that waits for ever;
- by an exchange between check and use (CWE-367): rows, jobs or models that nobody checked.

Defence: a blob's name is the hash of its bytes, which are read once, from a plain file, up to a limit, and are data.
"""

import ast
import gzip
import io
import os
import pickle
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from offchain.cid import Cid, Codec
from offchain.compute.errors import JobSpecInvalid, ResultInvalid
from offchain.compute.spec import MAX_DOCUMENT_BYTES, JobResult, JobSpec
from offchain.learning.errors import LearningError, ManifestError, ModelError
from offchain.learning.limits import MAX_MANIFEST_BYTES
from offchain.learning.manifest import Manifest
from offchain.learning.rows import TrainingRowsInvalid, open_training_blob
from offchain.learning.scoring import decode
from offchain.storage import (
    BlobCorrupt,
    BlobMissing,
    BlobStore,
    BlobTooLarge,
    BlobUnwritable,
    StorageError,
)

ROOT = Path(__file__).resolve().parents[2]
# What turns bytes into objects or code, or a few bytes into many.
EXECUTING = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "yaml", "runpy"}
INFLATING = {"zipfile", "tarfile", "gzip", "bz2", "lzma", "zlib"}


class Payload:
    """What a pickle of it does when it is loaded: leave a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, int]]:
        return os.open, (str(self.mark), os.O_CREAT)


def open_rows(data: bytes) -> object:
    return open_training_blob(data, data_root=bytes(32), row_count=12, row_size=3, test_indices=[1])


READERS: list[tuple[Callable[[bytes], object], type[Exception]]] = [
    (Manifest.from_bytes, ManifestError),
    (JobSpec.from_bytes, JobSpecInvalid),
    (JobResult.from_bytes, ResultInvalid),
    (decode, ModelError),
    (open_rows, TrainingRowsInvalid),
]


UNKNOWN = Cid(Codec.RAW, bytes(32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def store(folder: Path) -> BlobStore:
    return BlobStore(folder)


def place_of(folder: Path, name: Cid) -> Path:
    """Where the storage looks for a blob."""
    folder.mkdir(exist_ok=True)
    return folder / str(name)


@pytest.mark.parametrize(("read", "error"), READERS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_loaded(
    tmp_path: Path, read: Callable[[bytes], object], error: type[Exception], protocol: int
) -> None:
    mark = tmp_path / "mark"
    pickled = pickle.dumps(Payload(mark), protocol)

    with pytest.raises(error):
        read(pickled)

    assert not mark.exists()
    os.close(pickle.loads(pickled))  # it would have been
    assert mark.exists()


def test_nothing_off_chain_can_unpickle_evaluate_or_inflate() -> None:
    for path in (ROOT / "offchain").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        called = {
            node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }

        named = {
            node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        options = {node.arg for node in nodes if isinstance(node, ast.keyword)}

        assert not {name.split(".")[0] for name in imported | named} & (EXECUTING | INFLATING), path
        assert not imported & {"code", "codeop"}, path
        assert not called & {"eval", "exec", "compile", "__import__"}, path
        assert "allow_pickle" not in options, path


def zipped(size: int) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("rows", bytes(size))
    return archive.getvalue()


@pytest.mark.parametrize("bomb", [gzip.compress(bytes(50 << 20)), zipped(50 << 20)], ids=["gzip", "zip"])
@pytest.mark.parametrize(("read", "error"), READERS)
def test_a_compressed_bomb_is_refused_and_not_inflated(
    bomb: bytes, read: Callable[[bytes], object], error: type[Exception]
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(error):
            read(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1 << 20  # of 50 MB inside


def test_a_sparse_blob_larger_than_announced_is_refused_before_it_is_read(
    store: BlobStore, folder: Path
) -> None:
    name = Cid.of(b"manifest")
    with place_of(folder, name).open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(BlobTooLarge):
        store.get(name, MAX_MANIFEST_BYTES)


def test_a_blob_that_grows_is_read_as_far_as_it_was_checked(store: BlobStore, folder: Path) -> None:
    name = store.put(b"rows")
    with place_of(folder, name).open("ab") as file:
        file.write(b" and more")

    with pytest.raises(BlobCorrupt):
        store.get(name, 100)


def test_a_link_to_a_secret_is_no_blob_even_under_the_secrets_own_name(
    store: BlobStore, folder: Path, tmp_path: Path
) -> None:
    """The worst case, in which the hash would let it pass: who guesses a secret would be told that it is right."""
    secret = tmp_path / "keyfile"
    secret.write_bytes(b"the key")
    name = Cid.of(b"the key")
    place_of(folder, name).symlink_to(secret)

    with pytest.raises(BlobMissing):
        store.get(name, 100)


def test_a_blob_replaces_a_link_in_its_place_and_does_not_write_through_it(
    store: BlobStore, folder: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "keyfile"
    precious.write_bytes(b"the key")
    place_of(folder, Cid.of(b"rows")).symlink_to(precious)

    name = store.put(b"rows")

    assert (store.get(name, 100), precious.read_bytes()) == (b"rows", b"the key")


def test_a_linked_folder_gives_what_has_its_own_hash_for_a_name_and_nothing_else(
    store: BlobStore, folder: Path, tmp_path: Path
) -> None:
    """The limit: a link in the place of the whole folder is followed, as its owner's own may be one. What is behind it
    is data under its hash or refused."""
    elsewhere = tmp_path / "elsewhere"
    blob = BlobStore(elsewhere).put(b"rows")
    place_of(elsewhere, UNKNOWN).write_bytes(b"the key")  # whose hash the attacker does not know
    folder.symlink_to(elsewhere)

    assert store.get(blob, 100) == b"rows"
    with pytest.raises(BlobCorrupt) as caught:
        store.get(UNKNOWN, 100)
    assert "the key" not in str(caught.value)


@pytest.mark.parametrize("name", [b"../../etc/passwd", b"/etc/passwd\x00", b""])
def test_a_name_of_another_length_is_none(name: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Cid.on_chain(name, 100)
    with pytest.raises(ValueError, match="no name"):
        Cid.parse(name.decode())


def test_a_name_from_the_chain_cannot_leave_the_storage(store: BlobStore, folder: Path) -> None:
    """Its bytes reach the file system as letters and digits. Put there as they are, they would find a file."""
    folder.mkdir()
    leaving = b"../" + b"k" * 29
    (folder / leaving.decode()).write_bytes(b"the key")
    assert (folder.parent / ("k" * 29)).exists()

    with pytest.raises(BlobMissing):  # and not corrupt, as what is read and has another hash
        store.get(Cid.on_chain(leaving, 100), 100)


@pytest.mark.parametrize("written", ["../{}", "./{}", "/{}", "{}/", "elsewhere/../{}"])
def test_a_name_that_is_written_as_a_path_is_none(folder: Path, written: str) -> None:
    """Of a file that is there, and has that hash."""
    leaving = written.format(BlobStore(folder.parent).put(b"the key"))

    with pytest.raises(ValueError, match="is no name of a blob"):
        Cid.parse(leaving)


def test_a_pipe_is_not_waited_for(store: BlobStore, folder: Path) -> None:
    """Nobody looks at a name before it is opened, so none can become a pipe in between."""
    place = place_of(folder, UNKNOWN)
    os.mkfifo(place)
    waited = threading.Event()

    def release() -> None:
        waited.set()
        place.write_bytes(b"")  # lets go whoever does wait

    timer = threading.Timer(5.0, release)
    timer.start()

    try:
        with pytest.raises(BlobMissing):
            store.get(UNKNOWN, 100)
    finally:
        timer.cancel()
    assert not waited.is_set()


def test_a_device_is_not_read(store: BlobStore, folder: Path) -> None:
    place_of(folder, UNKNOWN).symlink_to("/dev/zero")

    with pytest.raises(BlobMissing):
        store.get(UNKNOWN, 1 << 40)


def test_a_folder_in_a_blobs_place_is_named(store: BlobStore, folder: Path) -> None:
    name = Cid.of(b"rows")
    place_of(folder, name).mkdir()

    with pytest.raises(BlobMissing):
        store.get(name, 100)
    with pytest.raises(BlobUnwritable):
        store.put(b"rows")


def test_a_file_in_the_place_of_the_storages_folder_is_named(store: BlobStore, folder: Path) -> None:
    name = Cid.of(b"rows")
    folder.write_bytes(b"")

    with pytest.raises(BlobMissing):
        store.get(name, 100)
    with pytest.raises(BlobUnwritable):
        store.put(b"rows")


def test_a_blob_that_changes_all_the_time_is_right_or_refused(store: BlobStore, folder: Path) -> None:
    rows = b"true" * 10_000
    name = store.put(rows)
    place, stop = place_of(folder, name), threading.Event()

    def change() -> None:
        other = place.with_suffix(".other")
        while not stop.is_set():
            place.write_bytes(b"lies" * 10_000)
            other.write_bytes(rows)
            other.replace(place)

    attacker = threading.Thread(target=change)
    attacker.start()
    outcomes = set()
    try:
        for _ in range(2000):
            try:
                outcomes.add(store.get(name, len(rows)))
            except BlobCorrupt:
                outcomes.add(b"refused")
    finally:
        stop.set()
        attacker.join()

    assert outcomes <= {rows, b"refused"}
    assert rows in outcomes


def test_documents_have_their_own_limit_whatever_the_storage_has(store: BlobStore) -> None:
    name = store.put(b'"' + b" " * MAX_DOCUMENT_BYTES + b'"')

    with pytest.raises(BlobTooLarge):
        store.get(name, MAX_DOCUMENT_BYTES)


def test_every_refusal_is_one_that_the_workers_tell_their_owner() -> None:
    # `pole` turns these into one line; see offchain/cli/failures.py.
    assert issubclass(BlobUnwritable, StorageError)
    assert all(issubclass(error, LearningError | JobSpecInvalid | ResultInvalid) for _, error in READERS)
