"""The simulator: a seeded fleet with known truth, written as the files that real tools leave.

Belongs here: fleets, planted incidents, their files, and the comparison with what CBCR found.
Does not belong here: any of CBCR's own rules; the truth is computed apart from the SQL.
"""

from cbcr_assets.simulator.fleet import simulate
from cbcr_assets.simulator.model import Fleet, FleetSpec, PlantedIncident, Truth
from cbcr_assets.simulator.truth import Comparison, compare
from cbcr_assets.simulator.workspace import write_workspace

__all__ = [
    "Comparison",
    "Fleet",
    "FleetSpec",
    "PlantedIncident",
    "Truth",
    "compare",
    "simulate",
    "write_workspace",
]
