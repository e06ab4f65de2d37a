"""How long a job waits for its start: on an idle site, and beside a flood."""
