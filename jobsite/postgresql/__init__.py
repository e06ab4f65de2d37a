"""Django's backend for PostgreSQL, whose pool answers at once while the server cannot be reached."""
