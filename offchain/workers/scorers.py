"""Which contract scores which kind of model."""

from offchain.learning.model import KIND_DENSE, KIND_TREES

SCORERS = {KIND_DENSE: "DenseScorer", KIND_TREES: "TreeScorer"}
