"""What is claimed about the grader, as measurements: see `autograder.bench`."""
