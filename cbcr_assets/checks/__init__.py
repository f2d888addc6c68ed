"""Asset checks that are generated: one for each SLA rule.

Belongs here: from a rule to its check specification, and from verdicts to the check's result.
Does not belong here: the rules (SQL files), the hook, or the alert engine.
"""

from cbcr_assets.checks.sla import STATUS_KEY, check_result, check_specs

__all__ = ["STATUS_KEY", "check_result", "check_specs"]
