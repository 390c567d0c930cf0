"""The people: data node and miner, each a pure decision and a thin loop."""
