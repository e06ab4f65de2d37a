"""The app of a reader who follows the guides."""
