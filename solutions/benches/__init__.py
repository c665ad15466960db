"""What is claimed about this homework's code, as measurements: see `autograder.bench`."""
