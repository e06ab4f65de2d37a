"""How well the number of processors follows a load, beside other ways to decide it."""
