"""The command line; modules here import nothing heavy before a command runs."""
