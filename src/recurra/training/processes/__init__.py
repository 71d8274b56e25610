"""A run in several processes, on one machine or on many: torchrun starts them, here they find each other and agree.

Every process holds the whole network and the whole data set. A step's batch is that of one process, its rows divided;
what is reduced over the processes is exact: sums of what each has seen, divided by how much all have seen.
"""
