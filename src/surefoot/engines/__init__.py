"""Where runs are made: they start, stream their events, and are stopped.  No policy inside.

base     what an engine is
local    worker processes on this machine
ray      a Ray cluster
options  the engine that somebody asks for
"""
