"""CBCR: could we restore, how much would we lose, how long would it take, when is there no room?

Belongs here: the rooms of the library. Does not belong here: code of its own.
"""
