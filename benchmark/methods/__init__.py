"""Methods: what one is, where they are found, and operations that several share."""
