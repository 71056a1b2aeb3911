"""What a network's output means, one file a task."""
