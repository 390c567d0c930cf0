"""Content-addressed blobs."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from offchain.cid import Cid, Codec
from offchain.filesystems import write_durably
from offchain.storage import (
    BlobCorrupt,
    BlobMissing,
    BlobStore,
    BlobTooLarge,
    StorageAway,
    StorageReadOnly,
    StorageUnwritable,
    StorageUrlInvalid,
)


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


def test_blobs_are_written_to_the_first_place_and_read_from_the_first_that_has_them(tmp_path: Path) -> None:
    one, other = BlobStore(tmp_path / "one"), BlobStore(tmp_path / "other")
    both = BlobStore(tmp_path / "one", tmp_path / "other")
    shared = other.put(b"from elsewhere")

    own = both.put(b"rows")

    assert both.get(shared, 100) == b"from elsewhere"
    assert one.get(own, 100) == b"rows"
    with pytest.raises(BlobMissing):
        other.get(own, 100)


def test_a_changed_blob_in_one_place_is_read_from_another(tmp_path: Path) -> None:
    both = BlobStore(tmp_path / "one", tmp_path / "other")
    name = both.put(b"rows")
    BlobStore(tmp_path / "other").put(b"rows")
    (tmp_path / "one" / str(name)).write_bytes(b"lies")

    assert both.get(name, 4) == b"rows"


def test_a_place_that_is_away_is_told_before_one_that_has_something_else(tmp_path: Path) -> None:
    both = BlobStore(tmp_path / "one", "http://127.0.0.1:9/ipfs")  # where nobody listens
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / str(Cid.of(b"rows"))).write_bytes(b"lies")

    with pytest.raises(StorageAway, match=r"^http://127\.0\.0\.1:9/ipfs cannot be used now: "):
        both.get(Cid.of(b"rows"), 4)


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / ("a" * 300))  # longer than any file system takes

    with pytest.raises(StorageAway, match="File name too long"):
        store.get(Cid.of(b"rows"), 4)
    with pytest.raises(StorageAway, match="File name too long"):
        store.put(b"rows")


def test_nothing_is_put_where_blobs_can_only_be_read(tmp_path: Path) -> None:
    store = BlobStore("https://gateway.example/ipfs", tmp_path)

    with pytest.raises(StorageReadOnly, match=r"^https://gateway\.example/ipfs can only be read"):
        store.put(b"rows")


@pytest.mark.parametrize(
    "url", ["ftp://host/blobs", "s3:///blobs", "https://", "memory://blobs", "simplecache::s3://bucket"]
)
def test_a_storage_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(StorageUrlInvalid, match=r"^a storage is a folder, s3://"):
        BlobStore(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://me:secret@bucket",
        "https://me:secret@host/ipfs",
        "s3://bucket?key=secret",
        "https://host/#secret",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(StorageUrlInvalid) as caught:
        BlobStore(url)

    assert "secret" not in str(caught.value)


def test_s3_names_what_is_to_be_installed_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "offchain.bucket", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as where an import finds nothing

    with pytest.raises(StorageUrlInvalid, match=r"install polestar\[s3\]"):
        BlobStore("s3://bucket")


def file_in(folder: Path) -> Path:
    path = folder / "file"
    path.write_text("")
    return path


def test_a_folder_that_can_be_written_has_nothing_in_it_afterwards(tmp_path: Path) -> None:
    BlobStore(tmp_path).check_writable()
    BlobStore(tmp_path / "not" / "there" / "yet").check_writable()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", [".", "below"])
def test_a_file_in_place_of_a_folder_cannot_be_written(tmp_path: Path, below: str) -> None:
    with pytest.raises(StorageUnwritable, match=r"file.* cannot be written: Not a directory$"):
        BlobStore(file_in(tmp_path) / below).check_writable()


def test_a_folder_where_nobody_may_make_files_cannot_be_written() -> None:
    with pytest.raises(StorageUnwritable, match=r"^/proc/x cannot be written: "):
        BlobStore("/proc/x").check_writable()


def test_a_link_to_nowhere_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    with pytest.raises(StorageUnwritable):
        BlobStore(tmp_path / "link").check_writable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)

    with pytest.raises(StorageUnwritable, match="Permission denied"):
        BlobStore(tmp_path).check_writable()
