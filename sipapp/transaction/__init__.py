"""Transactions: the four machines of RFC 3261 17 as tables, their timers, and the layer above.

Read in this order: timers, wheel, machine, transaction, the four machines, matching, layer.
"""
