"""Command of `make stop`: stop the site in VAR_DIR, and processes that an earlier start left behind.

python -m jobsite.down
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress

import psutil

from jobsite import local, site_lock
from jobsite.up import say


def main() -> int:
    """Send the site's processes SIGTERM, and kill those that still run after 30 s. Return the exit code, always 0."""
    folder = local.var_folder()
    found = site_lock.holders(folder)
    if not found:
        say("No site runs here.")
        return 0
    # Each process stops its own children. A second SIGTERM would end the processors' jobs without a grace period.
    numbers = {process.pid for process in found}
    for process in found:
        with suppress(psutil.NoSuchProcess):
            if process.ppid() not in numbers:
                process.terminate()
    deadline = time.monotonic() + site_lock.DEADLINE
    while (left := site_lock.holders(folder)) and time.monotonic() < deadline:
        time.sleep(site_lock.POLL_SECONDS)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=5)
    say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
