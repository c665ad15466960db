"""What a function costs, without a clock: work, span, launches, memory, synchronisations.

cost = measure(function, *args)                  one call, counted
print(growth(function, make_args, sizes))        several sizes, and the law
figure, alt = plot({"loop": growth(...), ...})   work and span on logarithmic axes
print(table())                                   what each operation is taken to cost
"""

from .cost import Cost, measure
from .figure import plot
from .laws import UNCLEAR, Growth, growth
from .mode import TooManyLaunches
from .table import table

__all__ = [
    "UNCLEAR",
    "Cost",
    "Growth",
    "TooManyLaunches",
    "growth",
    "measure",
    "plot",
    "table",
]
