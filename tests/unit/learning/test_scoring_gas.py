"""How many rows a transaction surely scores; what scoring really takes is measured in the attack on a reveal's gas."""

import numpy as np
import pytest

from offchain.learning.metrics import Metric
from offchain.learning.model import DenseLayer, DenseModel, encode
from offchain.learning.scoring_gas import reveal_gas_bound, rows_per_reveal


@pytest.fixture
def model() -> bytes:
    layer = DenseLayer(np.ones((32, 3), np.int8), np.zeros(3, np.int32), 0)
    return encode(DenseModel(bytes(32), (layer,)))


@pytest.mark.parametrize("mapped_from", [0, 30])
def test_a_row_more_than_fits_would_not(model: bytes, mapped_from: int) -> None:
    limit = reveal_gas_bound(model, 100, Metric.ACCURACY, mapped_from, 500)

    rows = rows_per_reveal(model, 500, Metric.ACCURACY, limit, mapped_from)

    assert rows == 100
    assert rows_per_reveal(model, 500, Metric.ACCURACY, limit - 1, mapped_from) == 99


def test_no_more_rows_fit_than_there_are_and_none_where_the_model_alone_is_too_much(model: bytes) -> None:
    assert rows_per_reveal(model, 500, Metric.ACCURACY, 2**40) == 500
    assert rows_per_reveal(model, 500, Metric.ACCURACY, 1) == 0
