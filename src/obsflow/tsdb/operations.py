"""What is to be done to files: the storage says it, the edge does it, in order.

Paths are relative to the data directory, with `/` between their parts.
"""

import attrs


@attrs.frozen
class Append:
    """Put bytes at the end of a file, which is made if it is not there."""

    path: str
    data: bytes


@attrs.frozen
class WriteFile:
    """Make a file of these bytes; it must not be there."""

    path: str
    data: bytes


@attrs.frozen
class Truncate:
    """Cut a file off after so many bytes; nothing is done where it is not there."""

    path: str
    length: int


@attrs.frozen
class Sync:
    """Have what was written to a file, or the names in a directory, reach the disk."""

    path: str


@attrs.frozen
class MakeDirectory:
    """Make a directory, and those above it."""

    path: str


@attrs.frozen
class Rename:
    """Give a file or a directory another name, in the place of what has it."""

    source: str
    target: str


@attrs.frozen
class Remove:
    """Remove a file, or a directory with all in it; nothing is done where it is not there."""

    path: str


Operation = Append | WriteFile | Truncate | Sync | MakeDirectory | Rename | Remove
