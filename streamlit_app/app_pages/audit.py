"""What people did: acknowledged, silenced, released, requested; and what was refused to them.

For admins. Belongs here: the page. Does not belong here: what is written down (see
`cbcr_assets.steps.acting`).
"""

import streamlit as st

from streamlit_app import action_forms
from streamlit_app.access import NotAllowedError, Role, require

st.title("What people did")
try:
    require(Role.ADMIN)
except NotAllowedError as error:
    st.error(str(error), icon=":material/block:")
    st.stop()
st.caption(
    "On these pages and of drills, the newest first. Nothing here can be changed or deleted;"
    " `cbcr audit` prints the same."
)
action_forms.audit_table()
