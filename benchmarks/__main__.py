"""`python -m benchmarks NAME...`: runs the named modules and prints their tables; some only if they are named."""

import argparse
import importlib
import json
import pathlib

import attrs

from benchmarks import Table, render_tables

# A module listed here has `run(rounds) -> list[Table]`.
MODULES = (
    "kernels", "text", "head", "log", "compaction", "scraping", "queries", "backtest", "rules", "promql",
    "alertmanager",
)  # fmt: skip
NAMED_ONLY = ("head", "log", "scraping", "rules", "promql", "alertmanager")  # take minutes, and some a server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=(*MODULES, []), metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--rounds", type=int, default=7, help="figures are medians of so many")
    parser.add_argument("--only", default="", metavar="REGEX", help="promql: data sets or queries that match")
    parser.add_argument("--quick", action="store_true", help="promql: one round, without the slow queries")
    parser.add_argument("--data", type=pathlib.Path, metavar="DIR", help="promql: where its blocks are kept")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the tables there too")
    arguments = parser.parse_args()
    tables: list[Table] = []
    of_promql = {"only": arguments.only, "quick": arguments.quick, "data": arguments.data}
    for name in arguments.names or (each for each in MODULES if each not in NAMED_ONLY):
        module = importlib.import_module(f"benchmarks.{name}")
        tables += module.run(arguments.rounds, **(of_promql if name == "promql" else {}))
    print(render_tables(tables))
    if arguments.json:
        arguments.json.write_text(json.dumps([attrs.asdict(table) for table in tables], indent=2) + "\n")


if __name__ == "__main__":
    main()
