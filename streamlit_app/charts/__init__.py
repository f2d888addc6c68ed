"""Charts: Altair specifications with explicit colours, one module a page.

Belongs here: how a frame is drawn. Does not belong here: queries, pages.
"""
