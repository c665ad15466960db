# The work goes where nobody waits for it: another stream on a GPU, another thread on a CPU.
# outcome: wrong or slower
import threading

stream = torch.cuda.Stream() if torch.cuda.is_available() else None


def conv_ssm_forward(W, U, b, x):
    h = torch.empty(len(x), x.shape[1], len(b), device=x.device)
    if stream is not None:
        with torch.cuda.stream(stream):
            h.copy_(three_times(W, U, b, x))
        return h
    threading.Thread(target=lambda: h.copy_(three_times(W, U, b, x)), daemon=True).start()
    return h
