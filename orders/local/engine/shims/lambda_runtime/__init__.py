"""The execution environment that a Python function gets from the mended engine.

`environment` is the engine's side, `channel` talks to `bootstrap`, the process of the function, and
`packages` the folder that stands for what AWS's Python runtime ships.
"""
