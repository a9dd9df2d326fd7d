"""Programs that run as processes of their own, under any Python, and import nothing of fitcheck."""
