"""Where a student's code runs: levels of isolation, the warm process that forks into them, and
the trusted side's handle on a running child."""
