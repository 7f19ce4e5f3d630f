"""What is installed here, what this machine can do, and what to change."""
