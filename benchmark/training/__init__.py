"""Train a method under a budget, resume it, and export its weights."""
