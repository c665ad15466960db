"""What is claimed about the grader itself, as measurements: see `autograder.bench`."""
