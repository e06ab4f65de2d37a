"""A real cluster: how jobs end on it, and what is left once its processes are lost."""
