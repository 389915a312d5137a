"""Issues: errors of one kind in one function, and what people did to them."""
