"""Guards the doors: who may knock how often, how much may come in at once, and what ends when. docs/security.md."""
