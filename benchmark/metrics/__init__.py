"""Metrics as named protocols; `benchmark.metrics.score` computes them for one image."""
