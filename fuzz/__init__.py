"""Any bytes, at every decoder: `make fuzz`."""
