"""Known bug: unsalted hashes of labels, found by enumeration.

A test row whose features are public, or that can be guessed, has as many candidates as there are classes. Where its
hash has no salt, or one that the training rows give away, a miner hashes them all and knows the label.

Source: the class's usual names are a dictionary attack, CWE-759 (a one-way hash without a salt) and CWE-760 (with a
predictable one). DanKu (Kurtulmus and Daniel, 2018) hashes each group of rows with a nonce for that.
Here: every row has 32 bytes of salt of its own, derived from a secret with HMAC, so that neither the published rows
nor other disclosures tell it.
"""

from eth_utils.crypto import keccak

from offchain.learning import row_tree
from offchain.learning.rows import SaltedRows
from tests.world import toy_rows

CLASSES = range(256)


def test_enumeration_finds_an_unsalted_label_and_no_salted_one() -> None:
    rows = toy_rows()
    hidden = 4
    features, label = rows.rows[hidden][:-1], rows.rows[hidden][-1]
    known_salts = [rows.salt(index) for index in range(12) if index != hidden] + [bytes(32), b""]

    unsalted = keccak(rows.rows[hidden])
    guesses = [c for c in CLASSES if keccak(features + bytes([c])) == unsalted]
    salted = {
        row_tree.leaf(hidden, salt.rjust(32, b"\x00"), features + bytes([c]))
        for salt in known_salts
        for c in CLASSES
    }

    assert guesses == [label]  # the enumeration works where it can
    assert rows.leaves()[hidden] not in salted


def test_equal_rows_have_different_leaves_and_another_secret_another_salt() -> None:
    twice = SaltedRows((b"\x01\x02\x00", b"\x01\x02\x00"), b"\x07" * 32)

    assert len(set(twice.leaves())) == 2
    assert twice.salt(0) != SaltedRows(twice.rows, b"\x08" * 32).salt(0)
