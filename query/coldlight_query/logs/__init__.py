"""Log records: the search for them, what stands around one, and new ones as they arrive."""
