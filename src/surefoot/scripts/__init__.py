"""Runs that are the user's own script.  Half of it runs in the script's process.

runner              in the worker: start the script, relay its reports, end it
session, recorder   in the script: what `surefoot.run` calls; snapshots of its model
protocol, listener  what passes between the two, and the socket
process             a command as a child that does not outlive its parent
survey              a script started once more, to tell its loss at many places
"""
