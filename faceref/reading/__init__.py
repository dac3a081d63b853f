"""Reading files that others may have cut off, edited or mistaken for another kind."""
