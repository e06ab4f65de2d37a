"""Tasks that misbehave, run among good jobs of other users: python -m bench.hostile"""
