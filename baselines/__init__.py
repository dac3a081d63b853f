"""One file a method; `benchmark.methods.registry` imports one when it is asked for."""
