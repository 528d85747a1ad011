"""Files that tests are written in, and those that they name."""

import pathlib

from obsflow.errors import ConfigError, Problem


def read_text(path: pathlib.Path) -> str:
    """The text of a file. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 at byte {error.start}"
    raise ConfigError((Problem(str(path), 0, 0, "", problem),))
