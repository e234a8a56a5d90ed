"""Pictures of animations on surfaces: still, moving, and as one HTML page."""
