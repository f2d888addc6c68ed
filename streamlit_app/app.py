"""The router: makes the pages and runs the one that was asked for.

Belongs here: what is the same on every page before it begins. Does not belong here: content.
Run with `streamlit run streamlit_app/app.py`; `cbcr up` does it.

The file is read twice: once when the server starts, which finds `app` in it, and then for every
session of a browser, which runs the pages.
"""

import streamlit as st

from streamlit_app import access, navigation, server

if server.is_starting():
    app = st.App(__file__, **server.options())
else:
    # An emoji, because a material icon here would make the browser ask a server on the internet.
    st.set_page_config(page_title="CBCR", page_icon="🛟", layout="wide")
    access.gate()
    st.navigation(list(navigation.made().values())).run()
