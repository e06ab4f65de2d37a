"""The tables of the queue. A job is submitted once (Job), and is then in exactly one of three places:

    Waiting    it waits: in the backlog of a flow, for a moment, or parked
    Processor  a processor has it, in the turn that it took
    Outcome    it ended; written once, never changed

So submitting inserts a row, claiming deletes it, and settling inserts another. No row of the big tables changes, except
that an owner may move a waiting job.
"""

from ..db.clock import DatabaseClock, at_one_moment, database_now
from .api_key import ApiKey
from .attempt import Attempt
from .digest import Digest
from .fleet import Cluster, Fleet, FleetDecision
from .flow import Flow, FlowState, OrderStart, PendingMove
from .job import Job, Waiting
from .job_report import JobReport
from .job_share import JobShare
from .outcome import Outcome
from .owner import Owner
from .pause import Pause
from .processor import Processor
from .routing import Routing, RuleChange
from .rule import PriorityRule
from .signal_cursor import SignalCursor
from .total import WIDTHS, FlowTotal, OwnerTotal, TaskTotal, TotalsCursor
from .webhook import Webhook

__all__ = [
    "WIDTHS",
    "ApiKey",
    "Attempt",
    "Cluster",
    "DatabaseClock",
    "Digest",
    "Fleet",
    "FleetDecision",
    "Flow",
    "FlowState",
    "FlowTotal",
    "Job",
    "JobReport",
    "JobShare",
    "OrderStart",
    "Outcome",
    "Owner",
    "OwnerTotal",
    "Pause",
    "PendingMove",
    "PriorityRule",
    "Processor",
    "Routing",
    "RuleChange",
    "SignalCursor",
    "TaskTotal",
    "TotalsCursor",
    "Waiting",
    "Webhook",
    "at_one_moment",
    "database_now",
]
