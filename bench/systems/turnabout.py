"""This project as it ships, and without any active rule, which is plain order of submission."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bench.harness import Crew, use_database
from bench.systems.system import System

if TYPE_CHECKING:
    from queueapp.models import Owner


class Turnabout(System):
    """This project with the rule that ships, and above it a rule for each weight other than 1."""

    key = "turnabout"
    title = "Turnabout, as it ships"
    settings = (
        "The rule that the migration ships, Everyone takes turns. In the weighted load a rule of weight 3 above it. "
        "No other setting; users need not be known before they submit."
    )

    @property
    def database(self) -> str:
        """One name for all configurations: Django keeps the database that it began with."""
        return "turnabout_bench"

    def install(self) -> None:
        """Migrate, make the users, then the rules."""
        use_database(self.url)
        from django.contrib.auth import get_user_model

        from queueapp.models import Owner

        users: Any = get_user_model()._default_manager
        self.owners: dict[str, Owner] = {
            name: Owner.objects.of_user(users.create(username=name)) for name in self.load.users
        }
        self.make_rules()

    def make_rules(self) -> None:
        """Make a rule for each weight other than 1."""
        from django.contrib.auth import get_user_model

        from queueapp.models import PriorityRule

        for weight in sorted(set(self.load.weights.values()) - {1.0}):
            rule = PriorityRule.objects.create(name=f"Weight {weight:g}", position=1, weight=weight)
            owners = [self.owners[name] for name, its in self.load.weights.items() if its == weight]
            rule.users.set(get_user_model().objects.filter(queue_owner__in=owners))

    def submit(self) -> None:
        """Submit as the API does, with its checks. Each batch is one call, at most MAX_BULK_JOBS (10,000) jobs."""
        from bench.tasks import HOLD
        from queueapp.lifecycle.submit import submit
        from queueapp.lifecycle.validation import parse_all

        for name, numbers in self.load.numbered():
            asked = [
                {"job_id": f"job-{number}", "duration": self.seconds, "task": HOLD, "payload": {"user": name}}
                for number in numbers
            ]
            submit(self.owners[name], parse_all(asked))

    def start(self, crew: Crew) -> None:
        """Start a django-q2 cluster, as on a real site."""
        crew.start("manage.py", "processors")

    def amiss(self) -> str:
        """Report jobs that were done and have no outcome: they would run again. Empty if there are none."""
        from queueapp.models import Outcome

        missing = self.records.count() - Outcome.objects.count()
        return f"{missing} jobs were done and have no outcome: they would run again" if missing else ""

    def close(self) -> None:
        """Close Django's connections, and drop the database."""
        from django.db import connections

        connections.close_all()
        super().close()
        os.environ.pop("DATABASE_URL", None)


class PlainOrder(Turnabout):
    """This project with every rule switched off: one flow for all."""

    key = "plain"
    title = "Plain order"
    settings = (
        "Turnabout with every rule switched off: one flow for all, strictly the order of submission. Stands for the "
        "peers as they come, too: with equal priorities both take the oldest job first."
    )

    def make_rules(self) -> None:
        """Switch off the rule that ships."""
        from queueapp.models import PriorityRule

        PriorityRule.objects.update(active=False)
