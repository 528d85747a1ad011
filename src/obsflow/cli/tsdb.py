"""`obsflow tsdb`: what is in a data directory, whether it is sound, and blocks made from elsewhere."""

import argparse
import pathlib

from obsflow.cli import tsdb_blocks, tsdb_dump, tsdb_repair, tsdb_stats, tsdb_verify
from obsflow.cli.arguments import duration_argument, time_argument


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command, what it does with a data directory, and their options."""
    parser = commands.add_parser("tsdb", help="look into a data directory, verify it, make blocks")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    path = pathlib.Path

    stats = what.add_parser("stats", help="blocks, head and log; which labels have and which change most series")
    stats.add_argument("--block", metavar="ULID", help="whose labels to count, or `head` (default: the newest block)")
    stats.add_argument("--limit", type=_count, default=20, metavar="N", help="lines of each list (default 20)")
    stats.set_defaults(run=tsdb_stats.run_stats)

    list_ = what.add_parser("list", help="the blocks")
    list_.set_defaults(run=tsdb_stats.run_list)

    dump = what.add_parser("dump", help="all samples, or some")
    dump.add_argument(
        "--match", action="append", default=[], metavar="SELECTOR", help="only these series; may be given again"
    )
    dump.add_argument("--from", type=time_argument, dest="start", metavar="T", help="from T (default: all)")
    dump.add_argument("--to", type=time_argument, dest="end", metavar="T", help="... to T")
    dump.set_defaults(run=tsdb_dump.run)

    verify = what.add_parser("verify", help="read everything, and say what is damaged and where")
    verify.add_argument("--limit", type=_count, default=20, metavar="N", help="places named of each part (default 20)")
    verify.set_defaults(run=tsdb_verify.run_verify)

    repair = what.add_parser("repair", help="put what is damaged aside, and what is sound of it in its place")
    repair.add_argument("--dry-run", action="store_true", help="change nothing, and say what would be done")
    repair.set_defaults(run=tsdb_repair.run_repair)

    for each in (stats, list_, verify, repair):
        each.add_argument("--format", choices=("text", "json"), default="text")
    dump.add_argument("--format", choices=tuple(tsdb_dump.FORMATS), default="promtool")
    for each in (stats, list_, dump, verify, repair):
        each.add_argument("data", type=path, metavar="DIR", help="the data directory")
    _add_create_blocks(what)


def _add_create_blocks(what: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    path = pathlib.Path
    create = what.add_parser("create-blocks", help="blocks from samples that are elsewhere, or from rules")
    source = create.add_subparsers(dest="source", required=True, metavar="SOURCE")

    text = source.add_parser("openmetrics", help="from OpenMetrics text, in which every sample has its time")
    text.add_argument("file", type=path, metavar="FILE", help="the text")
    text.add_argument(
        "--label", type=_label, action="append", default=[], metavar="NAME=VALUE", help="a label for every series"
    )
    text.set_defaults(run=tsdb_blocks.run_openmetrics)

    rules = source.add_parser("rules", help="what rules would have written, had they been there")
    rules.add_argument("data", type=path, metavar="DIR", help="the data directory that the rules read")
    rules.add_argument("rules", type=path, nargs="+", metavar="RULES.yml", help="rule files")
    rules.add_argument(
        "--from", type=time_argument, dest="start", metavar="T", help="from T (default: all of the data)"
    )
    rules.add_argument("--to", type=time_argument, dest="end", metavar="T", help="... to T")
    rules.add_argument(
        "--interval", type=duration_argument, default=60_000, metavar="D", help="of groups that have none (default 1m)"
    )
    rules.set_defaults(run=tsdb_blocks.run_rules)

    for each in (text, rules):
        each.add_argument("out", type=path, metavar="OUT", help="the directory that the blocks are put into")
        each.add_argument(
            "--block-duration",
            type=duration_argument,
            default=tsdb_blocks.BLOCK_MS,
            metavar="D",
            help="how long a block is at most (default 2h)",
        )
        each.add_argument("--format", choices=("text", "json"), default="text")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, not {number}")
    return number


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name, value
