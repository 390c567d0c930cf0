"""The chain's events in a file: followed, rolled back where the chain is reorganised, and queried."""
