# Helpers share the work, one a call, and are gone before the answer.
# outcome: slower or wrong
import os
import tempfile


def conv_ssm_forward(W, U, b, x):
    shape = len(x), x.shape[1], len(b)
    with tempfile.NamedTemporaryFile() as file:
        shared = torch.from_file(file.name, shared=True, size=shape[0] * shape[1] * shape[2])
    shared = shared.view(shape)
    helpers, half = [], len(x) // 2
    for part in (slice(0, half), slice(half, None)):
        helpers.append(os.fork())
        if helpers[-1] == 0:
            shared[part] = three_times(W, U, b, x[part])
            os._exit(0)
    for helper in helpers:
        os.waitpid(helper, 0)
    return shared
