"""The pages of a user."""
