"""Leaderboards, figures, model cards and the site, all made from result files."""
