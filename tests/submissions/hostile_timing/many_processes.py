# Helpers share the work, one a call, and are gone before the answer.
# outcome: slower or wrong
import mmap
import os


def conv_ssm_forward(W, U, b, x):
    h = torch.empty(len(x), x.shape[1], len(b))
    memory = mmap.mmap(-1, 4 * h.numel())
    shared = torch.frombuffer(memory, dtype=torch.float32).view(h.shape)
    helpers, half = [], len(x) // 2
    for part in (slice(0, half), slice(half, None)):
        helpers.append(os.fork())
        if helpers[-1] == 0:
            shared[part] = three_times(W, U, b, x[part])
            os._exit(0)
    for helper in helpers:
        os.waitpid(helper, 0)
    return shared
