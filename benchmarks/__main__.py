"""`python -m benchmarks NAME...`: runs the named modules and prints their tables."""

import argparse
import importlib
import json
import pathlib

import attrs

from benchmarks import Table, render_tables

# A module listed here has `run(rounds) -> list[Table]`.
MODULES = ("kernels", "queries", "backtest")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=(*MODULES, []), metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--rounds", type=int, default=7, help="figures are medians of so many")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the tables there too")
    arguments = parser.parse_args()
    tables: list[Table] = []
    for name in arguments.names or MODULES:
        tables += importlib.import_module(f"benchmarks.{name}").run(arguments.rounds)
    print(render_tables(tables))
    if arguments.json:
        arguments.json.write_text(json.dumps([attrs.asdict(table) for table in tables], indent=2) + "\n")


if __name__ == "__main__":
    main()
