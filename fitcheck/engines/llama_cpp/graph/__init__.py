"""llama.cpp's compute graph, as far as memory goes: what is alive when, and where it is put.

A model's graph is drawn as llama.cpp draws it (drawing, blocks, and a module for each kind of
layer), spread over devices (schedule) and laid out in a buffer for each (allocator). What does not
depend on the context is done once (plan).
"""
