"""How what a tool says reaches CBCR: every way ends as an envelope file in a folder.

Belongs here: the envelope file, and the ways to make one (drop, command, file, sql).
Does not belong here: what a payload means (one connector per tool) or the warehouse.
"""
