"""What CBCR foresees, beside the methods that others use: one subject a module of `foresight`.

Usage: python -m benchmarks.analytics [SUBJECT ...], `make bench-analytics`. A subject is a module
of `benchmarks.foresight` with a `main()` that prints markdown; name it in SUBJECTS. With
STATSFORECAST_PYTHON (a Python that has statsforecast; CBCR does not need it) AutoETS is compared.
Belongs here: choosing subjects, the machine. Does not belong here: any measurement.
"""

import argparse
from importlib import import_module

from benchmarks.measure import machine

SUBJECTS = ("capacity", "health", "anomalies", "correlations")


def main() -> None:
    """Print the tables of the subjects that were asked for, of all by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    asked = parser.parse_args().subjects or SUBJECTS
    if unknown := set(asked) - set(SUBJECTS):
        parser.error(f"no subject {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    print(machine())
    for subject in asked:
        import_module(f"benchmarks.foresight.{subject}").main()


if __name__ == "__main__":
    main()
