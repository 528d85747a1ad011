"""`obsflow COMMAND ...`: arguments in, exit code out. Errors that obsflow raises on purpose are printed, not traced."""

import argparse
import sys
from collections.abc import Sequence

from obsflow.cli import backtest, check, explain, investigate, query, routes, test, tsdb
from obsflow.errors import ObsflowError

COMMANDS = (backtest, explain, investigate, check, query, routes, test, tsdb)
_INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(prog="obsflow", description="From a metric to an action, over recorded data.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_command(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0, 1 after an error, 130 if interrupted (2 is argparse's, for usage)."""
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ObsflowError as error:
        print(error, file=sys.stderr)
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


if __name__ == "__main__":
    sys.exit(main())
