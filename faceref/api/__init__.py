"""The Python API of `faceref` in parts; `import faceref` gives its functions.

A set is given as a `FaceRef` or as the path of its folder; options have the names and the defaults
of the commands. What a function needs is imported when it is called.
"""
