"""What `tests/speed/gpu.py` checks and times: parts of the package, on a device against the CPU.

A part takes a `Task` and gives what it `Found`: numbers, and faults where the device does not do
what the CPU does. It raises `Skipped` where something is not at hand. With the device `cpu` all is
small, and the CPU is compared with itself.
"""
