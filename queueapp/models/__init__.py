"""Remembers. A job is asked for once (Job), and is then in exactly one of three places:

    Waiting    it waits in the backlog of a flow
    Processor  a processor has it, in the turn that it took
    Outcome    it ended; written once, never changed

so that the three hot steps insert, delete and insert, and the big tables hold no row that changes.
"""

from .attempt import Attempt
from .flow import Flow, Horizon, Leftover, Tally
from .job import Job, Waiting
from .outcome import Outcome
from .pause import Pause
from .processor import Processor
from .rule import PriorityRule
from .user import User

__all__ = [
    "Attempt",
    "Flow",
    "Horizon",
    "Job",
    "Leftover",
    "Outcome",
    "Pause",
    "PriorityRule",
    "Processor",
    "Tally",
    "User",
    "Waiting",
]
