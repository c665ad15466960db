"""Right SSM forward passes for the GPU notebook (Problem 2 d and f) of many kinds.

Each class is one submission's functions, and must earn every value check. All of them go with the
device and the dtype of their inputs. `full_products` names those of its forms for a diagonal W that
multiply whole matrices all the same: these alone lose the checks of cost.
"""

import numpy as np
import torch
import torch.nn.functional as F


class Loops:
    """Loops over everything, written into tensors made like the inputs; layers of torch.nn."""

    full_products = ()

    def unrolled_ssm_forward(W, U, b, x):
        N, T, _ = x.shape
        h = x.new_zeros(N, T + 1, W.shape[0])  # h[:, t] is h_t, so the first is h_0
        for n in range(N):
            for t in range(T):
                h[n, t + 1] = torch.mv(W, h[n, t]) + torch.mv(U, x[n, t]) + b
        return h[:, 1:]

    def make_conv_kernel(W, T):
        K = W.new_zeros(*W.shape, T)
        power = torch.eye(len(W)).to(W)
        for lag in range(T):
            K[:, :, lag] = power
            power = power @ W
        return K

    def conv_ssm_forward(W, U, b, x):
        T, H = x.shape[1], len(W)
        conv = torch.nn.Conv1d(H, H, T, padding=T - 1, bias=False).to(x)
        with torch.no_grad():
            conv.weight.copy_(make_conv_kernel(W, T).flip(-1))
            return conv((x @ U.T + b).mT)[:, :, :T].mT

    def make_diag_depthwise_kernel(W, T):
        K = W.new_ones(W.shape[0], 1, T)
        for i in range(W.shape[0]):
            for lag in range(1, T):
                K[i, 0, lag] = K[i, 0, lag - 1] * W[i, i]
        return K

    def diag_conv_ssm_forward(W, U, b, x):
        T, H = x.shape[1], len(W)
        conv = torch.nn.Conv1d(H, H, T, padding=T - 1, groups=H, bias=False).to(x)
        conv.weight.data = make_diag_depthwise_kernel(W, T).flip(-1)
        return conv((x @ U.T + b).transpose(1, 2)).detach()[:, :, :T].transpose(1, 2)

    def diag_unrolled_ssm_forward(W, U, b, x):
        N, T, _ = x.shape
        h = x.new_zeros(N, T, W.shape[0])
        state = h[:, 0].clone()
        for t in range(T):
            for i in range(W.shape[0]):
                state[:, i] = W[i, i] * state[:, i] + x[:, t] @ U[i] + b[i]
            h[:, t] = state
        return h


class ReversedKernels:
    """Kernels in the order conv1d wants them, the highest power first."""

    full_products = ("recurrence",)

    def unrolled_ssm_forward(W, U, b, x):
        h = x @ U.T + b
        for t in range(1, x.shape[1]):
            h[:, t] += h[:, t - 1] @ W.T
        return h

    def make_conv_kernel(W, T):
        powers = [torch.eye(len(W), dtype=W.dtype, device=W.device)]
        while len(powers) < T:
            powers.append(powers[-1] @ W)
        return torch.stack(powers[::-1], dim=-1)

    def conv_ssm_forward(W, U, b, x):
        T = x.shape[1]
        before = x.new_zeros(x.shape[0], T - 1, W.shape[0])
        v = torch.cat([before, x @ U.T + b], dim=1)
        return F.conv1d(v.mT, make_conv_kernel(W, T)).mT

    def make_diag_depthwise_kernel(W, T):
        factors = W.sum(dim=1)[:, None].repeat(1, T)  # row sums: there is nothing but the diagonal
        factors[:, 0] = 1
        return factors.cumprod(dim=1).flip(1).unsqueeze(1)

    def diag_conv_ssm_forward(W, U, b, x):
        T = x.shape[1]
        v = F.pad((x @ U.T + b).mT, (T - 1, 0))
        return F.conv1d(v, make_diag_depthwise_kernel(W, T), groups=W.shape[0]).mT

    def diag_unrolled_ssm_forward(W, U, b, x):
        return unrolled_ssm_forward(W, U, b, x)  # slow, and right


class InNumPy:
    """Everything in NumPy and float64 on the CPU, handed back like the inputs."""

    full_products = ()

    def unrolled_ssm_forward(W, U, b, x):
        A, B, c, u = (a.detach().cpu().numpy().astype(np.float64) for a in (W, U, b, x))
        h = np.zeros((u.shape[0], u.shape[1] + 1, len(c)))
        for t in range(u.shape[1]):
            h[:, t + 1] = h[:, t] @ A.T + u[:, t] @ B.T + c
        return torch.from_numpy(h[:, 1:]).to(x)

    def make_conv_kernel(W, T):
        A = W.cpu().double().numpy()
        powers = [np.linalg.matrix_power(A, lag) for lag in range(T)]
        return torch.as_tensor(np.stack(powers, axis=-1)).to(W)

    def conv_ssm_forward(W, U, b, x):
        T = x.shape[1]
        K, v = make_conv_kernel(W, T).cpu().numpy(), (x @ U.T + b).cpu().numpy()
        h = np.zeros_like(v)
        for lag in range(T):
            h[:, lag:] += v[:, : T - lag] @ K[:, :, lag].T
        return torch.from_numpy(h).to(x)

    def make_diag_depthwise_kernel(W, T):
        a = np.diag(W.cpu().double().numpy())
        return torch.from_numpy(np.power(a[:, None, None], np.arange(T))).to(W)

    def diag_conv_ssm_forward(W, U, b, x):
        T = x.shape[1]
        K, v = make_diag_depthwise_kernel(W, T).cpu().numpy(), (x @ U.T + b).cpu().numpy()
        h = np.empty_like(v)
        for n in range(v.shape[0]):
            for i in range(v.shape[2]):
                h[n, :, i] = np.convolve(v[n, :, i], K[i, 0])[:T]
        return torch.from_numpy(h).to(x)

    def diag_unrolled_ssm_forward(W, U, b, x):
        from scipy.signal import lfilter

        a, v = W.diagonal().cpu().double().numpy(), (x @ U.T + b).cpu().double().numpy()
        h = np.stack([lfilter([1.0], [1.0, -a[i]], v[:, :, i]) for i in range(len(a))], axis=2)
        return torch.from_numpy(h).to(x)


class FourierAndScan:
    """No loop over steps: associative scans, complex logarithms, spectra."""

    full_products = ()

    def unrolled_ssm_forward(W, U, b, x):
        h, step, reach = x @ U.T + b, W, 1
        while reach < h.shape[1]:
            h = h + F.pad(h, (0, 0, reach, 0))[:, : h.shape[1]] @ step.T
            step, reach = step @ step, 2 * reach
        return h

    def make_conv_kernel(W, T):
        half = torch.eye(len(W), dtype=W.dtype, device=W.device)[:, :, None]
        step = W
        while half.shape[2] < T:
            half = torch.cat([half, torch.einsum("ij,jkl->ikl", step, half)], dim=2)
            step = step @ step
        return half[:, :, :T]

    def conv_ssm_forward(W, U, b, x):
        T = x.shape[1]
        K = torch.fft.rfft(make_conv_kernel(W, T), n=2 * T)
        v = torch.fft.rfft((x @ U.T + b).transpose(1, 2), n=2 * T)
        return torch.fft.irfft(torch.einsum("oif,nif->nof", K, v), n=2 * T)[:, :, :T].mT

    def make_diag_depthwise_kernel(W, T):
        a, lags = W.diagonal()[:, None, None], torch.arange(T, device=W.device)
        powers = torch.exp(torch.log(a.to(torch.complex128)) * lags).real.to(W.dtype)
        return torch.where(a == 0, (lags == 0).to(W.dtype), powers)  # 0 has no logarithm

    def diag_conv_ssm_forward(W, U, b, x):
        T = x.shape[1]
        K = torch.fft.rfft(make_diag_depthwise_kernel(W, T).squeeze(1), n=2 * T)
        v = torch.fft.rfft((x @ U.T + b).transpose(1, 2), n=2 * T)
        return torch.fft.irfft(K * v, n=2 * T)[..., :T].transpose(1, 2)

    def diag_unrolled_ssm_forward(W, U, b, x):
        h, step, reach = x @ U.T + b, W.diagonal(), 1
        while reach < h.shape[1]:
            h = h + step * F.pad(h, (0, 0, reach, 0))[:, : h.shape[1]]
            step, reach = step**2, 2 * reach
        return h


class OtherLayout:
    """Time first and states in columns inside; windows and Toeplitz matrices for convolutions."""

    full_products = ("convolution",)  # in the kernel that it uses

    def unrolled_ssm_forward(W, U, b, x):
        columns, out = W.new_zeros(W.shape[0], x.shape[0]), []
        for x_t in x.permute(1, 2, 0):  # (D, N)
            columns = torch.addmm(b[:, None], W, columns) + U @ x_t
            out.append(columns.T)
        return torch.stack(out).transpose(0, 1)

    def make_conv_kernel(W, T):
        return torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)], dim=2)

    def conv_ssm_forward(W, U, b, x):
        T = x.shape[1]
        windows = F.pad(x @ U.T + b, (0, 0, T - 1, 0)).unfold(1, T, 1)  # (N, T, H, T)
        return torch.einsum("nthw,ohw->nto", windows, make_conv_kernel(W, T).flip(2))

    def make_diag_depthwise_kernel(W, T):
        dense = torch.stack([torch.linalg.matrix_power(W, lag) for lag in range(T)])
        return dense.diagonal(dim1=1, dim2=2).T.unsqueeze(1).contiguous()

    def diag_conv_ssm_forward(W, U, b, x):
        T = x.shape[1]
        K = make_diag_depthwise_kernel(W, T)[:, 0]  # (H, T)
        lag = torch.arange(T, device=x.device)
        lag = lag[:, None] - lag  # (T, T)
        toeplitz = torch.where(lag >= 0, K[:, lag.clamp(min=0)], K.new_zeros(()))  # (H, T, T)
        v = (x @ U.T + b).permute(2, 1, 0)  # (H, T, N)
        return torch.bmm(toeplitz, v).permute(2, 1, 0)

    def diag_unrolled_ssm_forward(W, U, b, x):
        a, v = torch.diagonal(W)[:, None], torch.einsum("hd,ntd->thn", U, x) + b[:, None]
        for t in range(1, len(v)):
            v[t] = torch.addcmul(v[t], a, v[t - 1])
        return v.permute(2, 0, 1)


SUBMISSIONS = (Loops, ReversedKernels, InNumPy, FourierAndScan, OtherLayout)
