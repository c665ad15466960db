"""A grader that runs a submission in a sealed sandbox and decides its score outside of it."""
