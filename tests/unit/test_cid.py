"""The names of blobs are those that IPFS has for the same bytes."""

import hashlib

import pytest

from offchain.cid import Cid, Codec

# Made by npm's ipfs-unixfs-importer 17.1.1, of the IPFS project, with `cidVersion: 1, rawLeaves: true`, chunks of
# 262,144 bytes and a balanced tree of at most 174 links, which are what `ipfs add --cid-version=1` uses.
IMPORTED = {
    0: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    1: "bafkreic2nz5eovfprz7up7eusmca3bj6pma6hhktpsy52nj4so324whlhu",
    262_143: "bafkreihltot3cwbf7l3ut7ntv6ua3ajjqjt2y3xpqu546be3aifopn5mee",
    262_144: "bafkreigy5tcgloscldzhi2iadhemu2v7dj2u5wme7vgim2jlmnxindpsfi",
    262_145: "bafybeiavfl3mrv5rig3iqfle6aheyo3crcdzseal3jfwykhuwtmc4vtyjy",
    600_000: "bafybeib3oscsovylodhm5zlazb2cj23wqvowvk6drjxeyz5cw5npcgor6m",
    8_388_608: "bafybeiexxnwryoubwendanu3eyjhr67qvpap4yajt622n5fdghubxx7pxi",
    174 * 262_144: "bafybeie5xnk32fia7bu7dn2cvjojbnxskp6irq3xikyi6bdrh3v5yfddqy",  # a full root
    174 * 262_144 + 1: "bafybeibwfjx4gjco2cvbbqlhbtazzttn73bsxnan2t4zmxrjmolwknbe7y",  # a root over two nodes
}
# From the tests of kubo itself (test/cli/add_test.go), the reference implementation.
HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
DIGEST = hashlib.sha256(b"hello world").digest()


def counted(size: int) -> bytes:
    """So many bytes: the SHA-256 of 0, 1, 2 and so on, as eight bytes each."""
    blocks = (hashlib.sha256(number.to_bytes(8, "big")).digest() for number in range(-(-size // 32)))
    return b"".join(blocks)[:size]


@pytest.mark.parametrize(("size", "name"), IMPORTED.items())
def test_a_blob_has_the_name_that_ipfs_gives_it(size: int, name: str) -> None:
    assert str(Cid.of(counted(size))) == name


def test_a_name_is_read_and_written() -> None:
    assert Cid.of(b"hello world") == Cid.parse(HELLO) == Cid(Codec.RAW, DIGEST)
    assert str(Cid(Codec.RAW, DIGEST)) == HELLO


@pytest.mark.parametrize("size", [*IMPORTED, 1_000_000])
def test_the_digest_on_chain_and_the_size_give_the_name(size: int) -> None:
    name = Cid.of(counted(size))

    assert Cid.on_chain(name.digest, size) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        HELLO[:-1],
        HELLO + "a",
        HELLO.upper(),
        HELLO[:-1] + "f",  # the same bytes, and stray bits
        "../" + HELLO,
        HELLO + "\n",
        "bafybeihykld7uyxzogax6vgyvag42y7464eywpf55gxi5qpoisibh3c5wé",
        "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",  # version 0
        "zb2rhj7crUKTQYRGCRATFaQ6YFLTde2YzdqbbhAASkL9uRDXn",  # base 58
        "bafyreig7jbijxpn4lfhvnvyuwf5u5jyhd7begxwyiqe7ingwxycjdqjjoa",  # CBOR
        "bafkrgqbqt3gerhas23vuzrapkdeqf4vu2dwxp3srdj6hvg6nhsug2tgyn6mj3u23yx7utftq3i2ckw2fwdh5qmhid5qf3t35yvkc5e5ottlw6",
    ],
)
def test_what_is_no_name_of_a_blob_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no name of a blob"):
        Cid.parse(text)
