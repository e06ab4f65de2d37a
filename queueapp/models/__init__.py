"""Remembers. A job is asked for once (Job), and is then in exactly one of three places:

    Waiting    it waits in the backlog of a flow
    Processor  a processor has it, in the turn that it took
    Outcome    it ended; written once, never changed

so that the three hot steps insert, delete and insert, and the big tables hold no row that changes.
"""

from ..db.clock import DatabaseClock, at_one_moment, database_now
from .attempt import Attempt
from .flow import Flow, FlowState, OrderStart, PendingMove
from .job import Job, Waiting
from .outcome import Outcome
from .owner import Owner
from .pause import Pause
from .processor import Processor
from .routing import Routing, RuleChange
from .rule import PriorityRule

__all__ = [
    "Attempt",
    "DatabaseClock",
    "Flow",
    "FlowState",
    "Job",
    "OrderStart",
    "Outcome",
    "Owner",
    "Pause",
    "PendingMove",
    "PriorityRule",
    "Processor",
    "Routing",
    "RuleChange",
    "Waiting",
    "at_one_moment",
    "database_now",
]
