"""How fair turns stay if owners are spread over several databases: python -m bench.shards"""
