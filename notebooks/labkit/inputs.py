"""Random systems that neither die out nor explode.

Goes out: float32 tensors on the CPU, whatever the default device is, so that a seed gives the same
ones everywhere. Why their size matters: powers of a matrix shrink or grow like its spectral
radius to the power l. Entries drawn as 0.05 * randn give a small radius at H = 8, so the kernel
underflows within a few dozen steps (to zeros and denormal numbers, which are slow), and one above
1 at H = 512, so it explodes. A multiple of an orthogonal matrix has all its eigenvalues on one
circle: every power has the norm radius**l, whatever the size.
"""

from __future__ import annotations

import math
from functools import partial

import torch

_normal = partial(torch.randn, device="cpu")


def scaled_orthogonal(
    n: int, radius: float = 0.99, generator: torch.Generator | None = None
) -> torch.Tensor:
    """`radius` times a random orthogonal matrix, (n, n): W W^T = radius^2 I.

    The sign of each column is set so that every rotation is equally likely (Mezzadri 2007, "How
    to generate random matrices from the classical compact groups").

    >>> W = scaled_orthogonal(4, 0.5)
    >>> torch.allclose(W @ W.T, 0.25 * torch.eye(4), atol=1e-6)
    True
    """
    q, r = torch.linalg.qr(_normal(n, n, generator=generator, dtype=torch.float64))
    scaled: torch.Tensor = radius * q * r.diagonal().sign()
    return scaled.float().contiguous()  # row after row, as tensors are that people make


def rotation(angle: float, radius: float = 1.0) -> torch.Tensor:
    """`radius` times the rotation of the plane by `angle` (radians), (2, 2).

    Its powers are known in closed form: rotation(a, r)^l = rotation(l a, r^l).
    """
    c, s = math.cos(angle), math.sin(angle)
    return radius * torch.tensor([[c, -s], [s, c]], device="cpu")


def ssm_inputs(
    N: int,
    T: int,
    D: int,
    H: int,
    *,
    radius: float = 0.99,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Arguments (W, U, b, x) of an SSM forward pass: W (H, H), U (H, D), b (H,), x (N, T, D).

    W is `scaled_orthogonal`; U, b and x are normal, U scaled so that U x has entries near 1.
    """
    W = scaled_orthogonal(H, radius, generator)
    U = _normal(H, D, generator=generator) / math.sqrt(D)
    b = _normal(H, generator=generator)
    x = _normal(N, T, D, generator=generator)
    return W, U, b, x


def scaled_diagonal(
    n: int, radius: float = 0.99, generator: torch.Generator | None = None
) -> torch.Tensor:
    """A diagonal matrix, (n, n), whose entries all differ: their magnitudes lie evenly spaced from
    0.9 `radius` to `radius`, every other one is negative, and their order is random.

    >>> scaled_diagonal(1, 0.5)
    tensor([[0.5000]])
    """
    magnitudes = torch.linspace(radius, 0.9 * radius, n, device="cpu")
    magnitudes[1::2] *= -1
    return magnitudes[torch.randperm(n, generator=generator, device="cpu")].diag()


def diagonal_ssm_inputs(
    N: int,
    T: int,
    D: int,
    H: int,
    *,
    radius: float = 0.99,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same as `ssm_inputs` with a diagonal W, `scaled_diagonal`."""
    _, U, b, x = ssm_inputs(N, T, D, H, radius=radius, generator=generator)
    return scaled_diagonal(H, radius, generator), U, b, x
