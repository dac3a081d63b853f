"""Embedders: a face detector with its landmarks, and an identity embedding of aligned faces.

`faceref.embed.registry.open_embedder` opens one by name; importing this package loads none.
"""
