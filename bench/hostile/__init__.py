"""A zoo of tasks that misbehave, among good jobs of other users; python -m bench.hostile."""
