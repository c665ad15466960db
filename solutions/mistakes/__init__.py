"""What students get wrong, as code with one sentence each. Diagnosis compares a submission's
output with these; the tests hold every hidden check to them. Never shipped to students."""
