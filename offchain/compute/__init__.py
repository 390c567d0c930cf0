"""PURE of the chain: what a purchase of compute says, how it is trained, and how its result is checked."""
