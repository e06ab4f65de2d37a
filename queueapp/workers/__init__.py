"""The processes that work: broker, tickets, turns, and the command that wraps django-q2 clusters."""
