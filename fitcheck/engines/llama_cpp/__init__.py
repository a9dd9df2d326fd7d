"""llama.cpp: a file of its own format, split over cards and host memory, buffers reserved ahead."""
