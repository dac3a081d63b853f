"""Sources of faces: one file each, with a `SOURCE` that lists records in a fixed order."""
