"""Judging claims by running them: evaluations, answers, the calibration score, a log of prompts."""

from labkit.referee import attention_claims, kernel_claims, purification_claims
from labkit.referee.answers import Answer, collect, judge, overview, try_on
from labkit.referee.claims import CLAIMS, Evaluation, evaluate

__all__ = [
    "CLAIMS",
    "Answer",
    "Evaluation",
    "attention_claims",
    "collect",
    "evaluate",
    "judge",
    "kernel_claims",
    "overview",
    "purification_claims",
    "try_on",
]
