"""Sections of Data trust: sources, what was refused, what was checked, what numbers rest on.

Belongs here: one section each, its figures and tables. Does not belong here: SQL, the order of the
page, the report and the audit (see `panels.evidence`).
"""

import contextlib
import json

import polars as pl
import sqlalchemy as sa
import streamlit as st

from cbcr_assets.alerting import StoreError
from cbcr_assets.config import ConfigError
from cbcr_assets.steps.platform import open_running
from cbcr_assets.warehouse import Snapshot, published
from streamlit_app import action_forms, actions, explain, navigation, tables, urlstate, zones
from streamlit_app.queries import alerts as alert_queries
from streamlit_app.queries import session
from streamlit_app.queries import trust as queries
from streamlit_app.status import badge, duration, plain, size

_PAYLOAD_CHARACTERS = 20_000


def sources(found: pl.DataFrame) -> None:
    """Show each source with its lag against what is allowed."""
    explain.last_query()
    rows = list(found.iter_rows(named=True))
    st.dataframe(
        pl.DataFrame(
            {
                "state": [badge(row["status"]) for row in rows],
                "source": [row["source_id"] for row in rows],
                "tool": [row["tool"] for row in rows],
                "silent for": [duration(row["age_s"]) for row in rows],
                "allowed": [duration(row["stale_after_s"]) for row in rows],
                "last good answer": [zones.moment(row["last_ok_at"]) for row in rows],
                "readings": [row["pulls"] for row in rows],
                "failed": [row["failed"] for row in rows],
                "records": [row["read"] for row in rows],
                "refused": [row["refused"] for row in rows],
                "last error": [row["last_error"] or "" for row in rows],
            }
        ),
        hide_index=True,
        alt="Sources, the worst first: how long they are silent, and what they told in seven days",
    )
    st.caption(
        "Readings, records and refused are of seven days. A record that was read is in a table,"
        " merged by its key, or in quarantine."
    )


def quarantine(at: Snapshot) -> None:
    """Show what was refused and why; an operator may release a row."""
    groups = queries.refusals(at)
    if groups.is_empty():
        st.success("Nothing was ever refused.", icon=":material/check_circle:")
        return
    tables.picker(
        groups.select(
            pl.col("source_id").alias("source"),
            pl.when(pl.col("table_name") == "").then(pl.lit("could not be read"))
            .otherwise("table_name").alias("table"),
            "rule", "waiting", "closed",
            pl.col("since").map_elements(zones.moment, return_dtype=pl.String, skip_nulls=False),
            pl.col("reason").alias("for example"),
        ),
        groups["rule"].to_list(),
        key="refusals",
        page="trust",
        parameter="rule",
        alt="Rows in quarantine by source, table and rule",
    )  # fmt: skip
    explain.last_query()
    every = urlstate.segments("Rows", ["waiting", "all"], "rows", default="waiting") == "all"
    page = urlstate.number("p", default=1, most=1_000_000)
    found = queries.refused(
        at, rule=st.query_params.get("rule", ""), every=every, rows=tables.PAGE_ROWS,
        skip=(page - 1) * tables.PAGE_ROWS,
    )  # fmt: skip
    if found.is_empty():
        st.info("0 rows match.")
        return
    picked = tables.picker(
        found.select(
            pl.col("observed_at").map_elements(zones.moment, return_dtype=pl.String)
            .alias("refused"),
            pl.col("source_id").alias("source"), pl.col("table_name").alias("table"), "rule",
            "reason",
            pl.col("released_at")
            .map_elements(zones.moment, return_dtype=pl.String, skip_nulls=False)
            .alias("released"),
        ),
        found["quarantine_id"].to_list(),
        key="refused",
        page="trust",
        parameter="row",
        alt="Rows in quarantine, the newest first",
        labels=[identity[:12] for identity in found["quarantine_id"]],
    )  # fmt: skip
    tables.pages("trust", total=int(found["total"][0]), number=page, noun="rows")
    one(at, picked or st.query_params.get("row", ""))


def one(at: Snapshot, quarantine_id: str) -> None:
    """Show one refused row as it came, and let an operator release it."""
    if not quarantine_id:
        return
    row = queries.entry(at, quarantine_id)
    if row is None:
        st.warning("There is no such row in quarantine.", icon=":material/search:")
        return
    with st.container(border=True):
        st.markdown(f"**{plain(row['rule'])}**: {plain(row['reason'])}")
        st.code(_pretty(row["payload"]), language="json", wrap_lines=True)
        st.caption(f"{plain(row['native_id'])} · {quarantine_id}")
        if row["released_at"] is not None:
            st.caption(f"It counts since {zones.moment(row['released_at'])}.")
        elif asked := _asked_for(quarantine_id):
            st.caption(asked)
        else:
            action_forms.release(
                quarantine_id, what=f"row {quarantine_id[:12]}", place=f"row/{quarantine_id}"
            )


def _pretty(payload: str | None) -> str:
    text = payload or ""
    with contextlib.suppress(ValueError):  # it may have been refused because it is none
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    is_long = len(text) > _PAYLOAD_CHARACTERS
    return text[:_PAYLOAD_CHARACTERS] + ("\n… it is longer" if is_long else "")


def _asked_for(quarantine_id: str) -> str:
    """Return who asked for its release, and what came of that; empty: nobody did."""
    try:
        errands = actions.releases()
    except (ConfigError, StoreError, sa.exc.SQLAlchemyError, actions.access.NotAllowedError):
        return ""
    for one_ in errands:
        if one_.target == quarantine_id:
            done = one_.result or "it waits for its turn"
            return f"{plain(one_.asked_by)} asked for its release: {plain(done)}"
    return ""


def quality() -> None:
    """Say where the results of checks are, and which are alerts now."""
    try:
        dagster = open_running().config.dagster_url
        failing = alert_queries.look(
            lambda board: board.incidents({"rule": "data_check"}, rows=tables.PAGE_ROWS)
        )
    except ConfigError:
        dagster, failing = "", None
    except alert_queries.BoardUnreadableError:
        failing = None
    if failing:
        for row in failing:
            st.error(f"{plain(row['summary'])}", icon=":material/warning:")
    elif failing is not None:
        st.success("No check of the data is an alert now.", icon=":material/check_circle:")
    else:
        st.info("Whether a check fails now cannot be told: no alert store.", icon=":material/help:")
    where = f" at {dagster}" if dagster else ""
    st.caption(
        "The contract of every raw table and the tests of every model are asset checks of Dagster"
        f"{where}; their results are kept there, run by run."
    )


def rests(at: Snapshot) -> None:
    """Show what data each number rests on."""
    found = queries.rests(at)
    explain.last_query()
    st.dataframe(
        found.select(
            pl.col("name").alias("table"),
            pl.col("n").alias("rows"),
            *(
                pl.col(name).map_elements(zones.moment, return_dtype=pl.String, skip_nulls=False)
                for name in ("oldest", "newest")
            ),
            pl.col("ingest_seq").alias("ingest mark"),
            pl.col("numbers").alias("numbers that rest on it"),
        ),
        hide_index=True,
        height="content",
        alt="Raw tables: rows, oldest and newest fact, newest ingest mark",
    )
    built = queries.builds(at)
    newest = found["ingest_seq"].max()
    with st.expander("Up to where each model was built"):
        st.dataframe(
            built.select(
                "model",
                pl.col("built_at").map_elements(zones.moment, return_dtype=pl.String),
                pl.col("ingest_seq").alias("ingest mark"),
                (pl.lit(newest) - pl.col("ingest_seq")).clip(lower_bound=0).alias("loads behind"),
            ),
            hide_index=True,
            alt="Incremental models: when they were built, and up to which ingest mark",
        )


def versions(at: Snapshot) -> None:
    """Show the snapshots that are kept."""
    kept = published(session.serving())
    before = [one_.published_at for one_ in kept[1:]]
    gaps = [(one_.published_at - older) for one_, older in zip(kept, before, strict=False)]
    st.dataframe(
        pl.DataFrame(
            {
                "version": [one_.version for one_ in kept],
                "": ["shown here" if one_.version == at.version else "" for one_ in kept],
                "published": [zones.moment(one_.published_at) for one_ in kept],
                "after the one before": [duration(gap.total_seconds()) for gap in gaps]
                + ["–"] * (len(kept) - len(gaps)),
                "size": [size(one_.path.stat().st_size) for one_ in kept],
            }
        ),
        hide_index=True,
        alt="Versions of the data that are kept, the newest first",
    )
    navigation.link("dictionary", "What every table and number means →")
