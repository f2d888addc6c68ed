"""AutoETS of statsforecast over series on stdin, in a Python of its own: no dependency of ours.

Usage: PYTHON_WITH_STATSFORECAST autoets.py < series.json > paths.json (lists of numbers by name).
Belongs here: calling it with a season of seven days. Does not belong here: scoring.
"""

import json
import sys

import numpy
from statsforecast.models import AutoETS


def main() -> None:
    """Forecast each series for `ahead` days."""
    asked = json.load(sys.stdin)
    paths = {}
    for name, used in asked["series"].items():
        scale = max(used) or 1.0
        model = AutoETS(season_length=7)
        made = model.forecast(numpy.array(used) / scale, h=asked["ahead"], level=[80, 95])
        paths[name] = {
            key: [max(float(x), 0.0) * scale for x in made[key]]
            for key in ("mean", "lo-80", "hi-80", "lo-95", "hi-95")
        }
    json.dump(paths, sys.stdout)


if __name__ == "__main__":
    main()
