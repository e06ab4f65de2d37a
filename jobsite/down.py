"""Stops the site that runs in VAR_DIR, and what an earlier start left behind. `make stop` calls it.

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
    """Ask the site's processes to end, and end them where they do not; the exit code."""
    folder = local.var_folder()
    found = site_lock.holders(folder)
    if not found:
        say("No site runs here.")
        return 0
    # A process that another one of the site has started is that one's to stop: asked twice, processors drop their jobs.
    numbers = {process.pid for process in found}
    for process in found:
        with suppress(psutil.NoSuchProcess):
            if process.ppid() not in numbers:
                process.terminate()
    deadline = time.monotonic() + site_lock.DEADLINE
    while (left := site_lock.holders(folder)) and time.monotonic() < deadline:
        time.sleep(site_lock.LOOK_EVERY)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=5)
    say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
