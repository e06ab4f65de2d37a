"""The wheel: what is in it, and that it works in a project that has nothing else of this one."""
