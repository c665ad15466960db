"""What the students of the example class write, cell by cell: right, wrong, and in other styles.

Problem 2 on the CPU first, then Problem 1, Problem 2 on the GPU, Problem 5, and the model's claims.
"""

SETUP = "import torch\nimport torch.nn.functional as F"

RECURRENCE = """\
def unrolled_ssm_forward(W, U, b, x):
    h = torch.zeros(x.shape[0], W.shape[0])
    out = []
    for t in range(x.shape[1]):
        h = h @ W.T + x[:, t] @ U.T + b
        out.append(h)
    return torch.stack(out, dim=1)"""

KERNEL = """\
def make_conv_kernel(W, T):
    powers, step = torch.eye(len(W)).unsqueeze(0), W
    while len(powers) < T:
        powers = torch.cat([powers, step @ powers])
        step = step @ step
    return powers[:T].permute(1, 2, 0)"""

CONVOLUTION = """\
def conv_ssm_forward(W, U, b, x):
    T = x.shape[1]
    K = make_conv_kernel(W, T)
    v = (x @ U.T + b).transpose(1, 2)
    return F.conv1d(F.pad(v, (T - 1, 0)), K.flip(2)).transpose(1, 2)"""

COSTS = """\
def largest_difference(a, b):
    return (a - b).abs().max()

def recurrent_flops(N, T, D, H):
    return 2 * N * T * H * (H + D)

def convolution_flops(N, T, D, H):
    return 2 * T * H**3 + 2 * N * T * D * H + 2 * N * T**2 * H**2"""

SCAN = """\
def unrolled_ssm_forward(W, U, b, x):
    # a prefix scan: after k rounds h[t] holds the last 2^k inputs
    h, A, reach = x @ U.T + b, W, 1
    while reach < x.shape[1]:
        h = torch.cat([h[:, :reach], h[:, reach:] + h[:, :-reach] @ A.T], dim=1)
        A, reach = A @ A, 2 * reach
    return h"""

REVERSED_KERNEL = """\
def make_conv_kernel(W, T):
    # the newest step last, as conv1d wants it
    if T == 1:
        return torch.eye(len(W))[:, :, None]
    half = make_conv_kernel(W, (T + 1) // 2)
    jump = torch.linalg.matrix_power(W, (T + 1) // 2)
    older = torch.einsum("ij,jkl->ikl", jump, half)
    return torch.cat([older, half], dim=2)[:, :, -T:]"""

SPECTRUM = """\
def conv_ssm_forward(W, U, b, x):
    T = x.shape[1]
    K = torch.fft.rfft(make_conv_kernel(W, T).flip(2), n=2 * T)
    v = torch.fft.rfft(x @ U.T + b, n=2 * T, dim=1)
    return torch.fft.irfft(torch.einsum("oif,nfi->nfo", K, v), n=2 * T, dim=1)[:, :T]"""

ORIGINAL_SETUP = """\
%matplotlib inline
!pip install -q einops
import time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
import matplotlib.pyplot as plt
from ipywidgets import interact
torch.manual_seed(0)"""

ORIGINAL_CONVOLUTION = """\
def conv_ssm_forward(W, U, b, x):
    N, T, D = x.shape
    H = W.shape[0]
    conv = nn.Conv1d(H, H, T, padding=T - 1, bias=False)
    conv.weight.data = make_conv_kernel(W, T).flip(-1)
    with torch.no_grad():
        u = torch.einsum('hd,ntd->nht', U, x) + b[None, :, None]
        return conv(u)[:, :, :T].permute(0, 2, 1)"""

ORIGINAL_MEASUREMENT = """\
times = []
for H in [4, 16, 64, 256]:
    W, U, b = torch.randn(H, H) * 0.05, torch.randn(H, 32) * 0.05, torch.randn(H) * 0.05
    start = time.time()
    for _ in range(200):
        conv_ssm_forward(W, U, b, torch.randn(32, 512, 32))
    times.append(time.time() - start)
plt.plot(times); plt.show()"""

ORIGINAL_WIDGET = """\
interact(lambda H: plt.imshow(torch.randn(H, H)), H=(2, 32))
print(f"max difference {largest_difference(torch.ones(3), torch.zeros(3)):.3f}")"""

# ---- Problem 1

KERNEL_1A = """\
def ssm_kernel(A, B, C, D, L):
    K = [D]
    x = B
    for l in range(1, L + 1):
        K.append(C @ x)
        x = A @ x
    return torch.stack(K)

def kernel_output(K, u):
    y = torch.zeros(len(u), K.shape[1])
    for l in range(len(u)):
        y[l:] += u[:len(u) - l] @ K[l].T
    return y"""

BY_HAND = "scalar_kernel = [0, 1.5, 1.2, 0.96, 0.768]\nmatrix_kernel = [0, 1, 0.7, 0.51]"

CHOICES = """\
convolution_span = "log L + log m"
recursion_span = "L log n"
scan_span = "log L log n\""""

BY_DOUBLING = """\
def kernel_by_doubling(A, B, C, D, L):
    X, P = B.unsqueeze(0), A
    while X.shape[0] < L:
        X, P = torch.cat([X, P @ X]), P @ P
    return torch.cat([D.unsqueeze(0), C @ X[:L]])"""

IN_A_ROW = """\
def kernel_by_doubling(A, B, C, D, L):
    # same numbers as in 1a, so this should be fine?
    return ssm_kernel(A, B, C, D, L)"""

WITH_STRUCTURE = """\
def kernel_diagonal(a, B, C, D, L):
    V = torch.stack([a**l for l in range(L)]) if L > 0 else a.new_zeros(0, len(a))
    return torch.cat([D[None], torch.einsum("rn,ln,nm->lrm", C, V, B)])

def kernel_identity_plus_rank_one(p, B, C, D, L):
    # A^l = I + s_l p p^T with s_0 = 0 and s_{l+1} = 1 + (1 + |p|^2) s_l
    s, K = torch.zeros((), dtype=p.dtype), [D]
    for l in range(L):
        K.append(C @ B + s * torch.outer(C @ p, p @ B))
        s = 1 + (1 + p @ p) * s
    return torch.stack(K)"""

# ---- Problem 2 on the GPU

ON_DEVICE = """\
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.set_default_device(device)"""

CUDA_ANYWAY = """\
torch.set_default_device("cuda")
print(torch.ones(3).device)"""

FORWARD_ON_DEVICE = """\
def unrolled_ssm_forward(W, U, b, x):
    h = torch.zeros(x.shape[0], W.shape[0], dtype=x.dtype, device=x.device)
    out = []
    for t in range(x.shape[1]):
        h = h @ W.T + x[:, t] @ U.T + b
        out.append(h)
    return torch.stack(out, dim=1)

def make_conv_kernel(W, T):
    powers = [torch.eye(len(W)).to(W)]
    for _ in range(T - 1):
        powers.append(powers[-1] @ W)
    return torch.stack(powers, dim=2)

def conv_ssm_forward(W, U, b, x):
    T = x.shape[1]
    v = (x @ U.T + b).transpose(1, 2)
    return F.conv1d(F.pad(v, (T - 1, 0)), make_conv_kernel(W, T).flip(2)).transpose(1, 2)"""

DIAGONAL = """\
def make_diag_depthwise_kernel(W, T):
    w = torch.diagonal(W)
    return torch.stack([w**t for t in range(T)], dim=1).unsqueeze(1)

def diag_conv_ssm_forward(W, U, b, x):
    T, H = x.shape[1], W.shape[0]
    v = F.pad((x @ U.T + b).transpose(1, 2), (T - 1, 0))
    K = make_diag_depthwise_kernel(W, T).flip(2)
    return F.conv1d(v, K, groups=H).transpose(1, 2)

def diag_unrolled_ssm_forward(W, U, b, x):
    w, h, out = torch.diagonal(W), 0, []
    for t in range(x.shape[1]):
        h = w * h + x[:, t] @ U.T + b
        out.append(h)
    return torch.stack(out, dim=1)"""

# ---- Problem 5

PROCESS = """\
sources = "the lecture notes; a model for the plots <b>only</b>"
collaborators = "=Zoe Q., 12345, and the Tuesday party"
hours = 11.5"""

# ---- The model's claims

BELIEVED = "\n".join(
    f"verdict_{n} = True\nconfidence_{n} = 0.95\ncounterexample_{n} = None" for n in range(1, 18)
)

MOSTLY_REFUTED = """\
for n in [1, 4, 10, 13, 14, 15, 17]:  # checked on paper
    globals().update({f"verdict_{n}": True, f"confidence_{n}": 0.8})
for n in [2, 3, 5, 6, 7, 8, 9, 11, 12, 16]:
    globals().update({f"verdict_{n}": False, f"confidence_{n}": 0.9})

counterexample_2 = {"A": torch.tensor([[0.0, 1.0], [1.0, 0.0]]), "L": 3}
counterexample_3 = {"n": 1, "m": 1, "r": 1, "L": 5}  # fewer, surely?
counterexample_5 = {"lam": (0.5, 0.25, 0.125), "L": 3}
counterexample_6 = {"n": 8, "L": 1000}
counterexample_7 = {"p": [0.5, 0.5], "sigma": 0.1, "k": 1}
counterexample_8 = {"p": [1, 0], "sigma": 2, "k": 2}  # sigma is missing in front
counterexample_9 = {"p": [0.1], "i": 2, "j": 3}
counterexample_11 = {"X": [[1, 0, 2], [0, 1, 2]], "lam": 0.5, "j": 2}
counterexample_12 = {"lam": 2.5}
counterexample_16 = {"d": 64}"""
