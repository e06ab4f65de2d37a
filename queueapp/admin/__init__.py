"""Django's admin of the queue: staff edit rules and pauses, and view jobs, flows, owners and processors.

Staff can also cancel jobs and try them again, revoke API keys, and switch webhooks off.
"""

from . import (  # noqa: F401 (each registers its model)
    api_keys,
    fleet,
    flows,
    jobs,
    owners,
    pauses,
    processors,
    rules,
    webhooks,
)
