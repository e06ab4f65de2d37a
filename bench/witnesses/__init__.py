"""Whether the tests would notice: mutations of the product, each of which a test must catch."""
