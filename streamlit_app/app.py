"""The router: which pages there are, and how they are called.

Belongs here: navigation. Does not belong here: content.
Run with `streamlit run streamlit_app/app.py`; `cbcr up` does it.
"""

import streamlit as st

# An emoji, because a material icon here would make the browser ask a server on the internet.
st.set_page_config(page_title="CBCR", page_icon="🛟", layout="wide")

overview = st.Page("app_pages/overview.py", title="Overview", icon=":material/home:", default=True)
instances = st.Page(
    "app_pages/instances.py", title="Instances", icon=":material/database:", url_path="instances"
)
instance = st.Page(
    "app_pages/instance.py", title="Instance", url_path="instance", visibility="hidden"
)
st.session_state["pages"] = {"overview": overview, "instances": instances, "instance": instance}

st.navigation([overview, instances, instance]).run()
