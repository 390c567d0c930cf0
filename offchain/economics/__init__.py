"""Pure economics: followers' demand, the leader's price and its certificates."""
