"""Sources of faces. Each module has one function that lists records in a fixed order."""
