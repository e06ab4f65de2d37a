"""The mutations. Each is one small fault in exactly one place, with the tests of which one must catch it."""

from __future__ import annotations

from dataclasses import dataclass

_SQL = "queueapp/db/sql/"
_AGREES = "tests/lifecycle/test_agreement.py::test_random_loads[0]"
_CAP = "tests/lifecycle/test_order.py::test_a_flow_at_its_cap_is_away_and_rejoins"
_QUANTUM = "tests/lifecycle/test_order.py::test_a_turn_takes_jobs_up_to_the_quantum"
_TURN = "tests/lifecycle/test_turn.py::test_"
_TURN_LOST = "tests/lifecycle/test_turn_lost.py::test_"
_LATE = f"{_TURN_LOST}what_is_said_late_of_an_earlier_turn_changes_nothing_of_the_present_one"
_LOST = f"{_TURN_LOST}a_lost_lease_is_rescued_in_place_and_a_late_settlement_changes_nothing"
_LIVES_ON = f"{_TURN_LOST}a_turn_that_was_taken_back_from_a_processor_that_lives_on_is_not_settled"
_FLOOR = (
    "tests/lifecycle/test_turns_at_once.py::"
    "test_a_job_that_is_committed_late_is_not_forgotten_behind_the_floor_of_its_flow"
)
_CANCELS = f"{_TURN}cancelling_a_job_of_a_turn_stops_no_other"
_BLAME = f"{_TURN_LOST}of_a_turn_of_several_jobs_nobody_is_blamed_and_each_is_then_taken_singly"
_STOP = f"{_TURN_LOST}a_cluster_that_its_operator_stops_costs_no_attempt"
_NUMBERED = f"{_TURN}a_job_that_was_cancelled_between_attempts_and_tried_again_is_numbered_on"
_PAUSED = "tests/lifecycle/test_pause.py::test_while_everything_is_paused_no_turn_is_taken_and_running_jobs_end"
_RESUMED = "tests/lifecycle/test_pause.py::test_a_job_that_is_put_back_while_its_user_is_resumed_goes_on"
_COUNT = "tests/snapshots/test_audit.py::test_a_count_is_right_whatever_turn_is_under_way"
_RULES = (
    "tests/lifecycle/test_rules_followed.py::test_a_change_that_went_past_the_application_is_followed_by_the_next_sweep"
)
_TOLD = "tests/snapshots/test_completions.py"
_JOINS = "tests/lifecycle/test_vacuum.py::test_while_somebody_joins_the_order_the_order_start_does_not_pass_them"
_CLOCK = "tests/lifecycle/test_leases.py::test_a_host_whose_clock_is_off_takes_nobody_for_dead"
_LEFT = "tests/cluster/test_task_isolation.py::test_what_a_job_leaves_behind_is_there_for_no_other"
_LATE_TURN = "tests/cluster/test_lost_processors.py::test_jobs_of_a_turn_that_is_late_run_elsewhere_meanwhile"
_ALONE = "tests/cluster/test_processes.py::test_when_the_command_is_killed_alone_nothing_of_its_cluster_lives_on"
_STAYS = "tests/db/test_routines.py::test_the_version_before_stays_and_older_ones_go"
_BRIEFLY = "tests/db/test_online.py::test_a_held_lock_is_given_up_in_a_sentence_and_nobody_waits_for_long_meanwhile"
_DEFERRED = "tests/workers/test_unknown_tasks.py::test_a_deep_backlog_of_them_takes_no_more_than_its_owners_share"
_TURNS = "tests/lifecycle/test_interleavings.py::test_"
_NOBODY_WAITS = f"{_TURNS}two_claims_at_once_take_two_flows_and_neither_waits"
_SETTLED_FIRST = f"{_TURNS}a_settlement_is_committed_before_the_claim_that_comes_with_it_waits_for_a_flow"
_EMPTIED = f"{_TURNS}a_flow_that_a_claim_empties_is_awake_for_whoever_submits_meanwhile"
_IN_LINE = (
    "tests/lifecycle/test_locks.py::test_a_cancellation_that_waits_for_its_owner_keeps_no_waiting_row_from_claims"
)
_MOVED = "tests/lifecycle/test_reorder.py::test_"
_HOST = "tests/lifecycle/test_transactions.py::test_nobody_waits_for_a_transaction_that_has_submitted[READ COMMITTED]"
_PAUSES, _DUES, _RESCUES = (f"{_TURNS}two_at_once_keep_every_promise[{first}]" for first in ("pause", "due", "rescue"))


@dataclass(frozen=True)
class Mutation:
    """A mutation: in `file`, `old` becomes `new`. Then one of `tests`, by their names in pytest, must fail."""

    name: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _sql(name: str, what: str, file: str, old: str, new: str, *tests: str) -> Mutation:
    return Mutation(name, what, f"{_SQL}{file}.sql", old, new, tests)


MUTATIONS = (
    # The claim.
    _sql("skip-locked", "a claim waits for a flow that another has locked", "turn/claim",
         "LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED", "LIMIT 1 FOR NO KEY UPDATE", _NOBODY_WAITS),
    _sql("wait-after-settlement", "a claim that comes with a settlement waits for a flow", "turn/claim",
         "IF NOT p_wait THEN", "IF false THEN", _SETTLED_FIRST),
    _sql("charge-twice", "a turn is charged twice", "turn/claim",
         "vtime = f.vtime + charge / f.weight", "vtime = f.vtime + 2 * charge / f.weight", _AGREES),
    _sql("no-refund", "what a turn did not cost is not given back", "turn/settle",
         "greatest(spent + p_kept_charge, p.worked) - p.charged",
         "greatest(spent + p_kept_charge, p.worked, p.charged) - p.charged", _AGREES),
    _sql("no-weights", "weights are ignored", "turn/claim",
         "vtime = f.vtime + charge / f.weight", "vtime = f.vtime + charge", _AGREES),
    _sql("charge-beyond-declared", "who took long before is charged more than is declared", "turn/claim",
         "declared_sum * least(f.ratio, 1)", "declared_sum * f.ratio", _AGREES),
    _sql("nothing-learned", "what jobs take is not learned", "turn/settle",
         "p_declared => declared", "p_declared => 0", _AGREES),
    Mutation("turn-never-late", "a turn keeps its jobs, however long it runs",
             "queueapp/workers/running_turn.py",
             "and not self._is_late(now)", "", (_LATE_TURN,)),
    _sql("no-quantum", "a turn takes all jobs that it may, however long", "turn/claim",
         "(declared_sum * f.ratio >= p_quantum OR cardinality(ids)", "(cardinality(ids)", _AGREES),
    _sql("quantum-of-nothing", "a turn takes one job, however short", "turn/claim",
         "(declared_sum * f.ratio >= p_quantum OR", "(declared_sum >= 0 OR", _QUANTUM),
    _sql("credit-for-idling", "a flow that comes back does not join at V", "flow/change_flow",
         "f.vtime := greatest(f.vtime, queueapp_virtual_time());", "", _AGREES),
    _sql("no-cap", "a turn does not count against its flow's cap", "turn/claim",
         "busy = f.busy + (cardinality(ids) > 0)::int", "busy = f.busy", _CAP),
    _sql("scan_from-passes-late-jobs", "the scan_from rises while somebody submits", "turn/claim",
         "least(CASE WHEN NOT nobody_submits THEN", "least(CASE WHEN false THEN", _FLOOR),
    _sql("no-second-look", "a flow is put to rest without a second look at its backlog", "turn/claim",
         "still_backlogged := next_head IS NOT NULL;", "still_backlogged := false;", _EMPTIED),
    _sql("claims-while-paused", "turns are taken while everything is paused", "turn/take_turn",
         "AND NOT p.draining AND NOT queueapp_all_paused()", "AND NOT p.draining", _PAUSED),
    # The order inside a flow.
    _sql("moved-out-of-sight", "jobs are moved to the front below the scan_from", "backlog/reorder",
         "PERFORM queueapp_change_flow(own.id, p_first => places[1]);", "",
         f"{_MOVED}jobs_go_to_the_front_and_to_the_back_and_keep_their_order"),
    _sql("moved-among-others", "an owner moves jobs in a flow of several", "backlog/reorder",
         "IF own.shared THEN", "IF false THEN", f"{_MOVED}in_a_flow_of_several_owners_nothing_moves"),
    _sql("moved-place-kept-among-others", "jobs keep the places of the own flow in a flow of several", "move/move",
         "SET flow_id = joining, moved_to = NULL", "SET flow_id = joining",
         f"{_MOVED}a_job_that_joins_a_flow_of_several_owners_is_in_the_order_of_submission_there"),
    _sql("moved-place-lost", "a job that comes back from a turn has lost its place", "turn/put_back",
         "t.attempt, j.moved_to", "t.attempt, NULL::bigint",
         f"{_MOVED}jobs_that_come_back_from_a_turn_are_in_their_places_again"),
    _sql("move-breaks-ties", "the head stays the oldest job, so that a move wins ties", "flow/change_flow",
         "f.head := coalesce(first_job, f.head);", "f.head := least(first_job, f.head);",
         f"{_MOVED}a_job_that_was_moved_to_the_front_wins_no_tie"),
    _sql("no-flow-lock-reorder", "jobs are moved while others are being submitted", "backlog/reorder",
         "PERFORM pg_advisory_xact_lock(queueapp_flow_lock(own.id));", "",
         f"{_MOVED}the_back_is_behind_a_job_that_is_being_submitted"),
    # Fencing tokens: the numbers of turns.
    _sql("no-fence-settle", "a late settlement is said to have been kept", "turn/take_turn",
         "kept := p.turn IS NOT DISTINCT FROM p_turn;", "kept := true;", _LOST),
    _sql("no-fence-settle-part", "a settlement of a part finds its processor whatever the turn", "turn/settle_part",
         "WHERE turn = p_turn FOR NO KEY UPDATE", "WHERE id = p_processor FOR NO KEY UPDATE", _LATE),
    _sql("no-fence-heartbeat", "a late sign of life extends another turn's lease", "processor/heartbeat",
         "WHERE turn = p_turn FOR NO KEY UPDATE", "WHERE id = p_processor FOR NO KEY UPDATE", _LATE),
    _sql("no-fence-rescue", "a turn is taken back that its processor has settled, with the next one",
         "processor/rescue",
         "WHERE turn = p_turn FOR NO KEY UPDATE", "WHERE id = p_processor FOR NO KEY UPDATE", _LATE, _RESCUES),
    _sql("turn-stays-after-rescue", "a rescue leaves the turn its number", "processor/rescue",
         "SET turn = nextval('queueapp_turn_number'), jobs = '{}'", "SET jobs = '{}'", _LIVES_ON),
    # Advisory locks, one at a time.
    _sql("no-routing-lock-submit", "a submission holds no routing lock", "backlog/submit",
         "PERFORM pg_advisory_xact_lock_shared(queueapp_routing_lock());", "", _PAUSES),
    _sql("no-flow-lock-submit", "a submission holds no lock of its flow", "backlog/submit",
         "PERFORM pg_advisory_xact_lock_shared(queueapp_flow_lock(flow));", "", _EMPTIED),
    _sql("no-flow-lock-claim", "a claim puts a flow to rest whoever submits", "turn/claim",
         "AND pg_try_advisory_xact_lock(queueapp_flow_lock(f.flow_id))", "", _EMPTIED),
    _sql("no-routing-lock-change", "routes and pauses change without the routing lock", "locks",
         "SELECT pg_advisory_xact_lock(queueapp_routing_lock());", "SELECT;", _PAUSES),
    _sql("no-routing-lock-due", "jobs that fall due join without the routing lock", "backlog/due",
         "PERFORM pg_advisory_xact_lock_shared(queueapp_routing_lock());", "", _DUES),
    _sql("no-owner-lock", "outcomes are numbered without the lock of their owner", "turn/record",
         "PERFORM pg_advisory_xact_lock_shared(queueapp_owner_lock(owners[1]));", "", _TOLD),
    _sql("no-owner-locks", "outcomes of several users are numbered without the locks of these", "turn/record",
         "PERFORM pg_advisory_xact_lock_shared(queueapp_owner_lock(owner))\n           FROM (", "PERFORM FROM (",
         _TOLD),
    _sql("no-owner-lock-cancel", "a cancellation locks the owner after the waiting row", "backlog/cancel",
         "PERFORM pg_advisory_xact_lock_shared(queueapp_owner_lock(p_owner));", "", _IN_LINE),
    Mutation("no-owner-wait", "a reader of completions does not wait for those of lower numbers",
             "queueapp/snapshots/completions.py", "        _wait_for_lower(list(last))\n", "",
             (_TOLD,)),
    _sql("no-order-lock-join", "a flow joins the order without its lock", "flow/change_flow",
         "PERFORM pg_advisory_xact_lock_shared(queueapp_order_lock());", "", _JOINS),
    _sql("no-order-lock-raise", "the order start is raised whoever joins", "flow/move_order_start",
         "IF NOT pg_try_advisory_xact_lock(queueapp_order_lock()) THEN", "IF false THEN", _JOINS),
    _sql("host-transaction-holds-locks", "a transaction of the caller's locks what a submission does", "backlog/submit",
         "IF p_later THEN", "IF p_later AND false THEN", _HOST),
    # Pauses, counts and rules.
    _sql("resume-ignores-busy", "a resume does not lock flows that processors work for", "backlog/unpark",
         "WHERE busy > 0 OR flow_id IN (", "WHERE flow_id IN (", _RESUMED),
    _sql("count-without-lock", "a flow is recounted without its lock", "flow/recount_flow",
         "WHERE flow_id = p_flow FOR NO KEY UPDATE;", "WHERE flow_id = p_flow;", _COUNT),
    Mutation("rules-not-noted", "changes of the rules are not noted",
             "queueapp/migrations/0001_initial.py",
             "EXECUTE format('INSERT INTO %I.queueapp_rulechange DEFAULT VALUES', TG_TABLE_SCHEMA);", "", (_RULES,)),
    # Blame, leases, and the processes of tasks.
    _sql("cancelling-stays", "the next job of a turn is stopped for the one before", "turn/settle_part",
         "cancelling = cancelling AND job_id = p_keep,", "", _CANCELS),
    Mutation("first-job-is-blamed", "the first job of a lost turn has lost an attempt, whichever ran",
             "queueapp/lifecycle/rescue.py",
             "[only] = processor.jobs if blame and len(processor.jobs) == 1 else [None]",
             "only = processor.jobs[0] if blame else None", (_BLAME,)),
    _sql("not-singly", "jobs of a lost turn are taken together again", "turn/put_back",
         "j.duration, p_alone, t.attempt", "j.duration, false, t.attempt", _BLAME),
    _sql("numbered-from-one", "a job that is tried again is numbered from one", "backlog/try_again",
         "coalesce((SELECT max(number) FROM queueapp_attempt a WHERE a.job_id = j.id), 0) + 1", "1", _NUMBERED),
    Mutation("stop-costs-an-attempt", "an operator's stop costs an attempt",
             "queueapp/lifecycle/rescue.py",
             "cluster=cluster), blame=False)", "cluster=cluster), blame=True)", (_STOP,)),
    Mutation("host-clock", "leases are judged by the clock of the host",
             "queueapp/models/processor.py", "Q(lease_until__lte=DatabaseClock()) | set_back",
             "Q(lease_until__lte=models.fields.timezone.now()) | set_back",
             (_CLOCK,)),
    Mutation("connection-not-reset", "a task's connection is given to the next job as it was left",
             "queueapp/workers/task_databases.py", 'cursor.execute("DISCARD ALL", prepare=False)',
             'cursor.execute("SELECT 1", prepare=False)', (_LEFT,)),
    Mutation("process-not-compared", "a process that a task has changed runs the next job",
             "queueapp/workers/process_state.py", "if _state() != self._before or (", "if (", (_LEFT,)),
    Mutation("no-death-signal", "processes outlive the command that started them",
             "queueapp/workers/forked.py", "_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)", "pass",
             (_ALONE,)),
    # Upgrades.
    Mutation("version-before-goes", "an upgrade drops the functions of the version before",
             "queueapp/db/install.py", "if mark == PREVIOUS and not _is_ours(name)", "if not _is_ours(name)",
             (_STAYS,)),
    Mutation("migration-waits", "a migration waits for a lock as long as it takes",
             "queueapp/db/online.py", '[f"{LOCK_SECONDS}s"]', '["3s"]', (_BRIEFLY,)),
    Mutation("deferral-for-nothing", "a job whose task is unknown costs its flow nothing",
             "queueapp/workers/outcomes.py", "spent=DEFERRAL_SECONDS", "spent=0.0", (_DEFERRED,)),
)  # fmt: skip
