"""What of PromQL is switched on: Prometheus' feature flags, gathered in one value."""

from typing import ClassVar, Self

import attrs


@attrs.frozen
class Dialect:
    """The switches of the language and of its evaluation. The defaults are those of a Prometheus 3.14 server."""

    prometheus: ClassVar[Self]
    """What a server and promtool have on unless told otherwise."""
    promqltest: ClassVar[Self]
    """What Prometheus' own test scripts are written for."""

    experimental_functions: bool = False
    """`promql-experimental-functions`: functions and aggregations that may still change."""
    duration_expressions: bool = True
    """`promql-duration-expr`: arithmetic in ranges, steps and offsets."""
    extended_range_selectors: bool = False
    """`promql-extended-range-selectors`: `anchored` and `smoothed`."""
    binop_fill_modifiers: bool = False
    """`promql-binop-fill-modifiers`: `fill`, `fill_left` and `fill_right`."""
    delayed_name_removal: bool = False
    """`promql-delayed-name-removal`: names go at the end of the query instead of at each function."""
    use_start_timestamps: bool = False
    """`use-start-timestamps`: a rate starts where its counter says it was created, if its samples say so."""
    type_and_unit_labels: bool = False
    """`type-and-unit-labels`: `__type__` and `__unit__` take part as metadata."""


PROMETHEUS = Dialect()
PROMQLTEST = Dialect(
    experimental_functions=True,
    extended_range_selectors=True,
    binop_fill_modifiers=True,
    delayed_name_removal=True,
    use_start_timestamps=True,
)
Dialect.prometheus = PROMETHEUS
Dialect.promqltest = PROMQLTEST
