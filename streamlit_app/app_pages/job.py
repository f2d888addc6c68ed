"""Job: what became of one attempt, why, and what its own source said about it.

Belongs here: the order of the page. Does not belong here: its sections (see `panels`), SQL.
"""

import streamlit as st

from streamlit_app import navigation
from streamlit_app.header import page_header
from streamlit_app.panels import job as panels
from streamlit_app.panels import job_around as around
from streamlit_app.queries import job as queries
from streamlit_app.status import plain

source, key = st.query_params.get("source", ""), st.query_params.get("attempt", "")
at = page_header("Backup job")
job = queries.attempt(at, source, key) if source and key else None
if job is None:
    navigation.link("instances", "← all instances")
    st.warning(
        f"There is no attempt {plain(key)} of source {plain(source)} in this snapshot."
        if source and key
        else "Choose an attempt on the page of its instance, or on Operations.",
        icon=":material/search:",
    )
    st.stop()

left, right, _ = st.columns([2, 2, 4])
if job["instance_id"]:
    navigation.link("instance", f"← {plain(job['instance_id'])}", left, id=job["instance_id"])
navigation.link("instances", "← all instances", right)
panels.headline(at, job)
panels.facts(job)
panels.log(at, job)
around.alerts(at, job)
panels.phases(at, job)
around.pace(at, job)
around.neighbours(at, job)
around.made(at, job)
