"""Whether a recording survives: jobs and recorders that die at random moments, full disks, limits; see measure.py."""
