"""An app that receives job_completed; tests/receiver_settings.py installs it."""
