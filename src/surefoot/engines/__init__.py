"""Where runs are made: they are started, their events streamed, and stopped.  No policy inside."""
