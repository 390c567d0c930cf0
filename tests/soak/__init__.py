"""The whole protocol run for long without faults: how much it does, and how steadily blocks come."""
