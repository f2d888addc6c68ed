"""What every connector reads with: checked fields, rows and rejects, and refusals with a reason.

Belongs here: what is the same for all tools. Does not belong here: any tool.
"""
