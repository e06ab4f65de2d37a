"""python -m turnabout_client: the command line."""

from .cli import main

main()
