"""Figures to size a server: python -m bench.size"""
