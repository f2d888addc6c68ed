"""Panels: sections of a page that are too long to stand in its file.

Belongs here: one section of one page, its heading, figures, chart and table. Does not belong here:
SQL, how a chart is drawn, the order of a page.
"""
