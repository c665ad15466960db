#!/usr/bin/env bash
# Builds the grading image. Gradescope runs this once, as root, with the zip in /autograder/source.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

# The masters, the reference and the secret are for root alone; students' code runs as others.
chmod 700 /autograder/source
cd /autograder/source

apt-get update
python=""
for version in 3.11 3.12 3.13; do
  if apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then
    python="python$version"
    break
  fi
done
if [ -z "$python" ]; then
  echo "No Python from 3.11 to 3.13 here: choose Ubuntu 22.04 or later as the base image." >&2
  exit 1
fi

"$python" -m venv /autograder/venv
install() { /autograder/venv/bin/python -m pip install --no-cache-dir -c constraints.txt "$@"; }
install --no-deps --index-url https://download.pytorch.org/whl/cpu torch  # without CUDA: smaller
install -e .
/autograder/venv/bin/autograder --help > /dev/null  # fails the build here, and not a submission later
