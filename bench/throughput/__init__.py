"""How many jobs that do nothing go through a second, and what each costs, beside other queues and the bare database."""
