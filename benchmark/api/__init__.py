"""The Python API in parts; import it from `benchmark`.

A set may be given opened (`faceref.open`) or as its folder; paths are str or Path.
"""
