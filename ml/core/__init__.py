"""The pure part of learning: from frames to frames, the same for the same arguments."""
