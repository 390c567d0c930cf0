"""Salted rows and the training blob that miners check before they train."""

import pytest

from offchain.learning.rows import SaltedRows, TrainingRowsInvalid, open_training_blob
from tests.world import toy_rows

HIDDEN = [1, 4, 5, 11]


def opened(blob: bytes, rows: SaltedRows) -> tuple[bytes, ...]:
    return open_training_blob(blob, data_root=rows.root(), row_count=12, row_size=3, test_indices=HIDDEN)


def test_training_blob_gives_the_rows_that_are_not_hidden() -> None:
    rows = toy_rows()

    training = opened(rows.training_blob(HIDDEN), rows)

    assert training == tuple(row for index, row in enumerate(rows.rows) if index not in HIDDEN)


def test_training_blob_holds_no_hidden_row_or_salt() -> None:
    rows = toy_rows()

    blob = rows.training_blob(HIDDEN)

    assert not any(rows.salt(index) in blob or rows.rows[index] in blob for index in HIDDEN)


def test_salts_differ() -> None:
    rows = toy_rows()

    assert len({rows.salt(index) for index in range(12)}) == 12


@pytest.mark.parametrize(
    "change",
    [
        lambda blob: blob[:-1],
        lambda blob: blob + b"\0",
        lambda blob: b"XXXX" + blob[4:],
        lambda blob: blob[:60] + bytes([blob[60] ^ 1]) + blob[61:],
    ],
    ids=["truncated", "too long", "unknown format", "one bit changed"],
)
def test_open_raises_when_the_blob_is_not_the_tasks(change: object) -> None:
    rows = toy_rows()

    with pytest.raises(TrainingRowsInvalid):
        opened(change(rows.training_blob(HIDDEN)), rows)  # type: ignore[operator]


def test_open_raises_when_other_rows_were_published_than_committed() -> None:
    rows = toy_rows()
    flipped = SaltedRows(tuple(row[:2] + bytes([1 - row[2]]) for row in rows.rows), rows.secret)

    with pytest.raises(TrainingRowsInvalid):
        opened(flipped.training_blob(HIDDEN), rows)
