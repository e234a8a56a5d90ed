"""Pictures of races on surfaces: still, moving, and as one HTML page."""
