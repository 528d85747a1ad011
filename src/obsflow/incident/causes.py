"""What goes wrong when something goes wrong: categories with their usual causes, what helps, and what is done after."""

import enum
from typing import Final


class Category(enum.Enum):
    """What kind of issue an incident had. It may have several."""

    TESTING = "insufficient testing"
    MONITORING = "monitoring gap"
    PROCESS = "process issue"
    CODE = "code quality"

    @property
    def causes(self) -> "tuple[Cause, ...]":
        """The causes of this category."""
        return tuple(cause for cause, category in CATEGORY_OF.items() if category is self)

    @property
    def suggestions(self) -> tuple[str, ...]:
        """What is usually done about it."""
        return SUGGESTIONS[self]


class Cause(enum.Enum):
    """Why it was not prevented."""

    MISSING_TEST = "missing test case"
    INTEGRATION_GAP = "integration gap"
    LOAD_TESTING = "load testing needed"
    MISSING_ALERT = "missing alert"
    WRONG_THRESHOLD = "wrong threshold"
    BLIND_SPOT = "blind spot found"
    SKIPPED_STEP = "skipped step"
    WRONG_TIMING = "wrong timing"
    COMMUNICATION_GAP = "communication gap"
    BUG = "bug in code"
    EDGE_CASE = "edge case"
    DEPENDENCY = "dependency issue"

    @property
    def category(self) -> Category:
        """The category that it belongs to."""
        return CATEGORY_OF[self]


CATEGORY_OF: Final[dict[Cause, Category]] = {
    cause: category for i, cause in enumerate(Cause) for j, category in enumerate(Category) if i // 3 == j
}
"""Every cause with its category, three of each."""

SUGGESTIONS: Final[dict[Category, tuple[str, ...]]] = {
    Category.TESTING: (
        "add integration test",
        "expand E2E coverage",
        "add load test",
        "test in staging first",
    ),
    Category.MONITORING: ("add new alert", "adjust thresholds", "add dashboard", "improve visibility"),
    Category.PROCESS: (
        "update runbook",
        "add checklist item",
        "change deployment time",
        "improve communication",
    ),
    Category.CODE: ("fix bug", "add validation", "update dependency", "code review process"),
}
"""Four actions for every category."""


class FollowUp(enum.Enum):
    """What every incident asks for afterwards: to write down what was learned, and to see that it does not recur."""

    WIKI = "wiki updated"
    SHARED = "shared with the team"
    KNOWLEDGE_BASE = "added to the knowledge base"
    TRAINING = "training updated"
    TESTS = "tests added"
    MONITORING = "monitoring improved"
    PROCESS = "process updated"
    TEAM = "team educated"
