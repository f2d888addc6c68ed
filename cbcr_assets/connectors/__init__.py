"""Connectors: from what a backup tool leaves behind to typed records.

Belongs here: one module or package a tool, transports, the ledger, the pull.
Does not belong here: SLA rules, or anything that looks at more than one source.
"""
