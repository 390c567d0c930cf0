"""The whole protocol run for long while workers are killed, the endpoint fails and the chain is reorganised.

`profile` says how large and how fast, and draws what goes wrong from a seed; `faults` makes the endpoint fail,
`company` keeps the workers running, `run` brings it all together; `facts` reads from the chain what became of it, and
`checks` judges that, without the workers' code and without the index.
"""
