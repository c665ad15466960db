"""`python -m autograder`: the same as `autograder`."""

from autograder.cli import main

main(prog_name="autograder")
