"""How times and durations are written on the command line."""

import argparse

from obsflow.model.durations import parse_duration
from obsflow.model.times import parse_time


def time_argument(text: str) -> int:
    """RFC 3339 or seconds since the epoch → ms."""
    try:
        return parse_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def duration_argument(text: str) -> int:
    """`1m30s`, or seconds → ms."""
    try:
        return round(float(text) * 1000)
    except ValueError:
        pass
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
