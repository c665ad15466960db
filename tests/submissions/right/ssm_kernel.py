"""Right answers to Problem 1 of many kinds: each must earn every value check.

Each class is one submission's functions; a result by hand is a function of nothing that returns
it. `doubling_span` says how the span of its kernel_by_doubling grows with L, `diagonal_work` and
`rank_one_work` how the work of those two kernels grows with n: these alone decide the checks of
cost.
"""

import numpy as np
import torch
import torch.nn.functional as F


class Loops:
    """Loops over everything, written into tensors made beforehand; structure is not used."""

    doubling_span = "linear"
    diagonal_work = "square"
    rank_one_work = "square"

    def ssm_kernel(A, B, C, D, L):
        K = torch.zeros(L + 1, C.shape[0], B.shape[1], dtype=B.dtype)
        K[0] = D
        power = torch.eye(A.shape[0], dtype=A.dtype)
        for l in range(1, L + 1):
            K[l] = C @ power @ B
            power = power @ A
        return K

    def kernel_output(K, u):
        y = torch.zeros(u.shape[0], K.shape[1])
        for k in range(u.shape[0]):
            for l in range(k + 1):
                y[k] += torch.mv(K[l], u[k - l])
        return y

    def scalar_kernel():
        return [0, 1.5, 1.5 * 0.8, 1.5 * 0.8**2, 1.5 * 0.8**3]

    def matrix_kernel():
        return [0.0, 1.0, 0.7, 0.51]

    def kernel_by_doubling(A, B, C, D, L):
        return ssm_kernel(A, B, C, D, L)

    def kernel_diagonal(a, B, C, D, L):
        return ssm_kernel(torch.diag(a), B, C, D, L)

    def kernel_identity_plus_rank_one(p, B, C, D, L):
        A = torch.eye(len(p), dtype=p.dtype) + torch.outer(p, p)
        return ssm_kernel(A, B, C, D, L)


class WholePowers:
    """Whole powers of A, by recursion and in batches; sums by one operation each."""

    doubling_span = "log"
    diagonal_work = "linear"
    rank_one_work = "linear"

    def ssm_kernel(A, B, C, D, L):
        taps = [C @ torch.linalg.matrix_power(A, l) @ B for l in range(L)]
        return torch.stack([D] + taps)

    def kernel_output(K, u):
        taps = K.permute(1, 2, 0).flip(-1)  # (r, m, L + 1)
        return F.conv1d(F.pad(u.T.unsqueeze(0), (len(u) - 1, 0)), taps).squeeze(0).T

    def scalar_kernel():
        return torch.tensor([0, 1.5, 1.2, 0.96, 0.768]).reshape(5, 1, 1)

    def matrix_kernel():
        A = torch.tensor([[0.7, 0.1], [0.2, 0.6]])
        return torch.stack([torch.tensor(0.0), *((torch.linalg.matrix_power(A, l))[0, 0] for l in range(3))])

    def kernel_by_doubling(A, B, C, D, L):
        def powers(count):  # A^0 .. A^{count - 1}, and A^count
            if count == 0:
                return A.new_zeros(0, *A.shape), torch.eye(len(A), dtype=A.dtype)
            if count % 2:
                lower, top = powers(count - 1)
                return torch.cat([lower, top[None]]), top @ A
            half, step = powers(count // 2)
            return torch.cat([half, step @ half]), step @ step

        return torch.cat([D.unsqueeze(0), C @ powers(L)[0] @ B])

    def kernel_diagonal(a, B, C, D, L):
        steps = torch.cat([torch.ones(1, len(a)), a.expand(max(L - 1, 0), -1)])
        powers = steps.cumprod(0)[:L]  # (L, n)
        return torch.cat([D[None], torch.einsum("rn,ln,nm->lrm", C, powers, B)])

    def kernel_identity_plus_rank_one(p, B, C, D, L):
        constant, growing = C @ B, (C @ p)[:, None] * (p @ B)[None, :]
        s, taps = torch.zeros((), dtype=p.dtype), [D]
        for _ in range(L):
            taps.append(constant + s * growing)
            s = 1 + s + p.dot(p) * s
        return torch.stack(taps)


class InNumPy:
    """Everything in NumPy and float64, handed back as arrays and tensors."""

    doubling_span = "not counted"
    diagonal_work = "not counted"
    rank_one_work = "not counted"

    def ssm_kernel(A, B, C, D, L):
        A, B, C, D = (np.asarray(t, dtype=np.float64) for t in (A, B, C, D))
        taps = [C @ np.linalg.matrix_power(A, l) @ B for l in range(L)]
        return np.stack([D, *taps])

    def kernel_output(K, u):
        K, u = np.asarray(K, dtype=np.float64), np.asarray(u, dtype=np.float64)
        y = np.zeros((len(u), K.shape[1]))
        for i in range(K.shape[1]):
            for j in range(K.shape[2]):
                y[:, i] += np.convolve(K[:, i, j], u[:, j])[: len(u)]
        return torch.from_numpy(y)

    def scalar_kernel():
        return np.array([0, 1.5, 1.2, 0.96, 0.768])

    def matrix_kernel():
        return np.array([[[0]], [[1]], [[0.7]], [[0.51]]])

    def kernel_by_doubling(A, B, C, D, L):
        A, X, C, D = A.double().numpy(), B.double().numpy()[None], C.double().numpy(), D.numpy()
        while len(X) < L:
            X, A = np.concatenate([X, A @ X]), A @ A
        return torch.tensor(np.concatenate([D[None], C @ X[:L]]))

    def kernel_diagonal(a, B, C, D, L):
        V = np.vander(a.numpy().astype(np.float64), L, increasing=True)  # (n, L)
        taps = np.einsum("rn,nm,nl->lrm", C.numpy(), B.numpy(), V)
        return torch.from_numpy(np.concatenate([D.numpy()[None], taps]))

    def kernel_identity_plus_rank_one(p, B, C, D, L):
        from math import comb

        p, B, C, D = (t.numpy().astype(np.float64) for t in (p, B, C, D))
        v = float(p @ p)
        K = [D]
        for l in range(L):
            s = sum(comb(l, j) * v ** (j - 1) for j in range(1, l + 1))
            K.append(C @ B + s * np.outer(C @ p, p @ B))
        return np.stack(K)


class Spectra:
    """Impulses through the recurrence, spectra for the output, powers by the digits of l."""

    doubling_span = "log"
    diagonal_work = "linear"
    rank_one_work = "linear"

    def ssm_kernel(A, B, C, D, L):
        responses = []
        for j in range(B.shape[1]):
            x, response = torch.zeros(A.shape[0]), []
            for k in range(L + 1):
                u = 1.0 if k == 0 else 0.0
                response.append(C @ x + D[:, j] * u)
                x = A @ x + B[:, j] * u
            responses.append(torch.stack(response))
        return torch.stack(responses, dim=2)

    def kernel_output(K, u):
        size = 2 * len(u) - 1
        spectra = torch.fft.rfft(K, n=size, dim=0) @ torch.fft.rfft(u, n=size, dim=0)[:, :, None]
        return torch.fft.irfft(spectra.squeeze(-1), n=size, dim=0)[: len(u)]

    def scalar_kernel():
        return (0, 1.5, 1.2, 0.96, 0.768)

    def matrix_kernel():
        return (0, 1, 0.7, 0.51)

    def kernel_by_doubling(A, B, C, D, L):
        powers = torch.eye(len(A)).repeat(L, 1, 1)  # A^l for each l, by the binary digits of l
        for digit in range(L.bit_length()):
            odd = torch.arange(L).bitwise_right_shift(digit) % 2 == 1
            powers = torch.where(odd[:, None, None], A @ powers, powers)
            A = A @ A
        return torch.cat([D[None], C @ (powers @ B)])

    def kernel_diagonal(a, B, C, D, L):
        powers = torch.pow(a[:, None], torch.arange(L)[None, :])  # (n, L)
        pairs = (C.T[:, :, None] * B[:, None, :]).flatten(1)  # (n, r m)
        return torch.cat([D[None], (powers.T @ pairs).view(L, *D.shape)])

    def kernel_identity_plus_rank_one(p, B, C, D, L):
        v = (p * p).sum()
        s = torch.zeros(1, dtype=p.dtype)  # s_0 .. s_{k-1}
        step = torch.ones((), dtype=p.dtype)  # s_k
        while len(s) < L:
            s = torch.cat([s, step + s + v * step * s])
            step = 2 * step + v * step**2
        grown = torch.einsum("l,r,m->lrm", s[:L], C @ p, p @ B)
        return torch.cat([D[None], C @ B + grown])


class OtherLayout:
    """float64 inside, C first, matrices instead of loops; results in float64."""

    doubling_span = "log"
    diagonal_work = "linear"
    rank_one_work = "linear"

    def ssm_kernel(A, B, C, D, L):
        row, taps = C.double(), [D.double()]
        while len(taps) <= L:
            taps.append(row @ B.double())
            row = row @ A.double()
        return torch.stack(taps, dim=1).transpose(0, 1)

    def kernel_output(K, u):
        steps = torch.arange(len(u))
        lags = steps[:, None] - steps[None, :]  # (k, j): lag k - j
        blocks = K[lags.clamp(min=0)] * (lags >= 0)[:, :, None, None]  # a Toeplitz matrix of taps
        return (blocks @ u[None, :, :, None]).sum(1).squeeze(-1)

    def scalar_kernel():
        return [[0], [1.5], [1.2], [0.96], [0.768]]

    def matrix_kernel():
        return torch.tensor([0, 1, 0.7, 0.51], dtype=torch.float64)

    def kernel_by_doubling(A, B, C, D, L):
        rows, step = C.double()[:, None], A.double()  # (r, k, n): C, C A, .., C A^{k-1}
        for _ in range(max(L - 1, 0).bit_length()):
            rows, step = torch.cat([rows, rows @ step], dim=1), step @ step
        taps = (rows[:, :L] @ B.double()).transpose(0, 1)
        return torch.cat([D.double()[None], taps])

    def kernel_diagonal(a, B, C, D, L):
        K = torch.zeros(L + 1, *D.shape, dtype=torch.float64)
        K[0] = D
        for i in range(len(a)):
            sequence = a[i].double() ** torch.arange(L)
            K[1:] += sequence[:, None, None] * torch.outer(C[:, i], B[i])
        return K

    def kernel_identity_plus_rank_one(p, B, C, D, L):
        p, B, C, D = (t.double() for t in (p, B, C, D))
        v = p.square().sum()
        exponent = torch.arange(L).double() * v.log1p()
        s = torch.where(v == 0, torch.arange(L).double(), exponent.expm1() / v.clamp(min=1e-300))
        return torch.cat([D[None], C @ B + s.view(L, 1, 1) * torch.outer(C @ p, p @ B)])


SUBMISSIONS = (Loops, WholePowers, InNumPy, Spectra, OtherLayout)
