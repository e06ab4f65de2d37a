"""The operations console at staff/: pages for staff, rendered by the server, and what staff can do there."""
