"""Input and output with the chain: connection, typed clients, typed errors, transactions."""
