"""What it costs to submit, over HTTP."""
