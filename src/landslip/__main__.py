"""``python -m landslip``."""

from landslip.cli.app import main

main()
