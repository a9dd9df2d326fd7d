"""DOOR: engines that really run, on the card in this machine, and the logs that they write.

Nothing here knows of estimates: a job goes in, what was measured comes out.
"""
