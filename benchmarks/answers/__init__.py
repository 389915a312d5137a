"""How fast the query service answers, among up to 100 million spans of a week (`make bench-query`)."""
