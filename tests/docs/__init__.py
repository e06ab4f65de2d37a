"""The documentation: its site and its examples."""
