"""One file a method; `benchmark.methods` imports one when it is asked for."""
