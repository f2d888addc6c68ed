"""The data contract of the raw tables: what a row must satisfy before models read it.

Belongs here: the suites (YAML), their validation, their evaluation, and the quarantine they fill.
Does not belong here: SLA rules (dbt_project/models/sla), tests of models (dbt), orchestration.
"""

from cbcr_assets.quality.engine import Verdict
from cbcr_assets.quality.quarantine import find_quarantined, list_quarantine
from cbcr_assets.quality.runner import SuiteReport, check_tables
from cbcr_assets.quality.suite import Expectation, Suite, load_suite, load_suites
from cbcr_assets.warehouse.release import release

__all__ = [
    "Expectation",
    "Suite",
    "SuiteReport",
    "Verdict",
    "check_tables",
    "find_quarantined",
    "list_quarantine",
    "load_suite",
    "load_suites",
    "release",
]
