"""The bounds that the scorers enforce on chain; what exceeds them cannot be scored."""

from __future__ import annotations

from typing import Final

MAX_FEATURES: Final = 1024
MAX_CLASSES: Final = 255
"""Also the widest layer: a class needs an output."""

MAX_MODEL_BYTES: Final = 98_304
"""Nodes pass transactions of at most 128 KiB on."""

MAX_DENSE_LAYERS: Final = 5
"""Four hidden layers and the output layer."""

MAX_DATA_FILE_BYTES: Final = 32 * 1024 * 1024
MAX_MANIFEST_BYTES: Final = 256 * 1024
