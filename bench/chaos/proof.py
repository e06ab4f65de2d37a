"""The checks after a run, and its figures. Their sources are the database and the clients' records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos.clients import Client
from bench.chaos.stand import Stand
from bench.histories.history import read
from bench.histories.rules import check

SHOWN = 5

# Each query finds what must not exist.
_BROKEN = {
    "flows' counters are off when nothing runs": """
        SELECT flow_id FROM queueapp_flowstate WHERE busy <> 0 OR backlogged OR held""",
    "jobs ended by something other than success or three dead processors": """
        SELECT j.name || ': ' || o.status || ' ' || o.error
          FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id
         WHERE j.name NOT LIKE '%%-meddled-%%'
           AND NOT (o.status = 'succeeded'
                    OR (o.status = 'failed' AND o.attempt = 3 AND o.error ~ '^(Its processor died|It was ended)'))""",
    "attempts do not add up": """
        SELECT j.name || ': ended by attempt ' || o.attempt
          FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id
         WHERE j.name NOT LIKE '%%-meddled-%%'
           AND o.attempt <> (SELECT count(*) FROM queueapp_attempt a WHERE a.job_id = o.job_id)
                             + (o.status = 'succeeded')::int""",
}


@dataclass
class Proof:
    """The figures of a run, by name, and the guarantees that it broke, in words."""

    figures: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def none(self, found: Sequence[object], what: str) -> None:
        """Note `found` as broken, unless it is empty. The text names the first SHOWN."""
        if found:
            self.broken.append(f"{len(found):,} {what}: {', '.join(map(str, found[:SHOWN]))}")


def ended(stand: Stand, clients: Sequence[Client]) -> bool:
    """Whether every job has ended, and at least as many exist as were acknowledged."""
    jobs = sum(len(client.acknowledged) for client in clients)
    statement = "SELECT count(*), (SELECT count(*) FROM queueapp_outcome) FROM queueapp_job"
    all_jobs, outcomes = stand.database.query(statement)[0]
    return bool(all_jobs == outcomes >= jobs)


def prove(stand: Stand, clients: Sequence[Client]) -> Proof:
    """Check the guarantees after the last job, and return the proof with its figures."""
    proof = Proof()
    rows = stand.database.query(
        "SELECT username, j.name, o.number FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id"
        " JOIN queueapp_owner w ON w.id = j.owner_id JOIN accounts_user u ON u.id = w.user_id"
        " WHERE j.name NOT LIKE '%-meddled-%'"
    )
    outcomes = {(user, job): number for user, job, number in rows}
    for client in clients:
        _submitted(proof, client, outcomes)
        _told(proof, client, outcomes)
    for what, query in _BROKEN.items():
        proof.none([name for (name,) in stand.database.query(query.replace("%%", "%"))], what)
    try:
        stand.manage("audit")
    except RuntimeError as error:
        proof.broken.append(f"the audit: {error}")
    _count(proof, stand, clients)
    return proof


def _submitted(proof: Proof, client: Client, outcomes: dict[tuple[str, str], int]) -> None:
    proof.none(client.refused, f"answers that {client.name} should not have got")
    proof.none(sorted(client.jobs - client.acknowledged), f"jobs of {client.name} were never acknowledged")
    lost = [job for job in client.acknowledged if (client.name, job) not in outcomes]
    proof.none(lost, f"acknowledged jobs of {client.name} did not end")


def _told(proof: Proof, client: Client, outcomes: dict[tuple[str, str], int]) -> None:
    """Check that the client was told of each of its outcomes once, and of no other user's."""
    numbers = Counter(number for number, _, _ in client.delivered)
    proof.none([number for number, many in numbers.items() if many > 1], f"ids came twice to {client.name}")
    strange = [job for _, user, job in client.delivered if user != client.name or job not in client.jobs]
    proof.none(strange, f"completions of others came to {client.name}")
    told = {(job, number) for number, _, job in client.delivered}
    missed = [job for (user, job), number in outcomes.items() if user == client.name and (job, number) not in told]
    proof.none(missed, f"completions never came to {client.name}")
    twice = Counter(job for _, _, job in client.delivered)
    proof.none([job for job, many in twice.items() if many > 1], f"jobs completed twice before {client.name}'s eyes")


def prove_history(proof: Proof, file: Path) -> None:
    """Add the verdicts of the history checker, which does not know the database."""
    with file.open() as text:
        verdicts = check(read(text))
    for name, verdict in verdicts.items():
        proof.none(verdict.broken, f"times the history breaks a rule ({name})")
    proof.figures["the history's rules, how much they saw"] = ", ".join(
        f"{name}: {verdict.checked:,}" for name, verdict in verdicts.items()
    )


def _count(proof: Proof, stand: Stand, clients: Sequence[Client]) -> None:
    succeeded, failed, lost, again = stand.database.query(
        "SELECT count(*) FILTER (WHERE status = 'succeeded'), count(*) FILTER (WHERE status = 'failed'),"
        " (SELECT count(*) FROM queueapp_attempt), count(*) FILTER (WHERE attempt > 1) FROM queueapp_outcome"
    )[0]
    answers = sum((client.answers for client in clients), Counter[str]())
    proof.figures |= {
        "jobs acknowledged": f"{sum(len(client.acknowledged) for client in clients):,}",
        "succeeded": f"{succeeded:,}",
        "failed, with three dead processors": f"{failed:,}",
        "attempts that faults cost": f"{lost:,} of {again:,} jobs",
        "completions delivered": f"{sum(len(client.delivered) for client in clients):,}",
        "streams reconnected": f"{sum(client.opened - 1 for client in clients):,} times, {len(clients)} users",
        "answers to submissions": ", ".join(f"{many:,} x {what}" for what, many in sorted(answers.items())),
        "web servers and clusters started again": f"{stand.ended:,}",
        "the disk was full": f"{stand.database.log_has('File too large'):,} errors in the server's log",
    }
