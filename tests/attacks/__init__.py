"""Known attacks, each told as a story against the real contracts: what it is, and what it would have gained."""
