"""Sessions and schema."""
