"""Reports: questions about a period, answered from a published snapshot.

Belongs here: queries over marts for a period, and their formats. Does not belong here: definitions
(the marts own them).
"""
