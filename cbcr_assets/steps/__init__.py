"""The steps of both lanes as plain functions, the same for Dagster's assets and the command line.

Belongs here: what happens in which order with the objects of the rooms below.
Does not belong here: Dagster, output formats, or rules of any room.
"""
