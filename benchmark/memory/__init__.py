"""Error memory: what a network gets wrong on the faces of a pool, learnt in closed form.

The HR faces of a pool are known, so the network's error on each is known, too. A regression learns
to expect it: nothing of the network is trained, and it takes one pass over the pool.
"""
