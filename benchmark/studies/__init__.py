"""Studies of trained methods, each with the page that it writes."""
