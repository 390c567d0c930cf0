"""What the kinds of models are called, and which contract scores which."""

from offchain.learning.model import KIND_DENSE, KIND_TREES

MODELS = {KIND_DENSE: "dense models", KIND_TREES: "trees"}
SCORERS = {KIND_DENSE: "DenseScorer", KIND_TREES: "TreeScorer"}
