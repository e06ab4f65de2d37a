"""A job queue for many users: fair turns, live pages, nothing lost. docs/architecture.md is the map."""
