"""Content-addressed blobs."""

import hashlib
from pathlib import Path

import pytest

from offchain.cid import Cid, Codec
from offchain.filesystems import write_durably
from offchain.storage import BlobCorrupt, BlobMissing, BlobStore, BlobTooLarge


def test_get_returns_what_was_put_under_its_name(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)

    name = store.put(b"rows")

    assert name == Cid(Codec.RAW, hashlib.sha256(b"rows").digest())
    assert store.get(name, 4) == b"rows"


def test_get_raises_when_there_is_no_such_blob(tmp_path: Path) -> None:
    with pytest.raises(BlobMissing):
        BlobStore(tmp_path).get(Cid(Codec.RAW, bytes(32)), 10)


def test_get_raises_when_the_bytes_were_changed(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    name = store.put(b"rows")
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    file.write_bytes(b"lies")

    with pytest.raises(BlobCorrupt):
        store.get(name, 10)


def test_get_raises_when_the_blob_is_larger_than_accepted(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    name = store.put(b"rows")

    with pytest.raises(BlobTooLarge) as caught:
        store.get(name, 3)

    assert caught.value.limit == 3


def test_get_does_not_follow_a_link(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "store")
    secret = tmp_path / "secret"
    secret.write_bytes(b"key")
    name = Cid.of(b"key")
    link = tmp_path / "store" / str(name)
    link.parent.mkdir(parents=True)
    link.symlink_to(secret)

    with pytest.raises(BlobMissing):
        store.get(name, 10)


def test_put_leaves_nothing_but_the_blob(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store.put(b"rows")
    store.put(b"rows")

    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_put_mends_a_blob_whose_bytes_were_changed(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    name = store.put(b"rows")
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    file.write_bytes(b"lies")

    store.put(b"rows")

    assert store.get(name, 4) == b"rows"


def test_write_durably_lets_nobody_else_read(tmp_path: Path) -> None:
    write_durably(tmp_path / "models" / "1.json", b"salt")

    assert (tmp_path / "models" / "1.json").stat().st_mode & 0o077 == 0


def test_write_durably_keeps_what_is_there_when_it_is_to_be_written_once(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_durably(path, b"first", once=True)

    with pytest.raises(FileExistsError):
        write_durably(path, b"second", once=True)

    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("secret", b"first")]
