"""The app that docs/tutorial.md makes."""
