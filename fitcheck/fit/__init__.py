"""Memory held against cards: does it fit, how long a context, how many sequences and cards?"""

from fitcheck.fit.judging import SHORTEST_CONTEXT, fit
from fitcheck.fit.placing import unsupported
from fitcheck.fit.records import Fit, OnCard, Question, Solve, Verdict

__all__ = [
    "SHORTEST_CONTEXT", "Fit", "OnCard", "Question", "Solve", "Verdict", "fit", "unsupported",
]  # fmt: skip
