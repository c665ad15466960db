"""What is claimed about this homework's code, as measurements: see `autograder.bench`."""

# What `autograder bench throughput` grades.
THROUGHPUT_NOTEBOOK = "q_coding_ssm_forward_cpu"
