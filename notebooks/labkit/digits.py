"""Handwritten digits to purify: 1797 images of 8 x 8 pixels (see data/README.md).

Goes out: columns of 64 pixels, since a column is a point in Problem 3. The file is looked for
beside the notebook, beside its folder, and beside labkit, so that it is found in the repository, in
the students' folder and in grading.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

_NEAR = Path(__file__).resolve().parents[1]
_FOLDERS = (Path("data"), Path("../data"), _NEAR / "data", _NEAR.parent / "data")
SIDE = 8  # pixels


def load() -> tuple[torch.Tensor, torch.Tensor]:
    """The pixels (64, 1797), float32, from 0 (paper) to 16 (ink), and the labels (1797,).

    Raises FileNotFoundError.

    >>> pixels, labels = load()
    >>> pixels.shape, labels.bincount().tolist()
    (torch.Size([64, 1797]), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    """
    file = next((f / "digits.npz" for f in _FOLDERS if (f / "digits.npz").is_file()), None)
    if file is None:
        text = "data/digits.npz is not there: leave the folder `data` beside the notebooks"
        raise FileNotFoundError(text)
    with np.load(file, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    pixels = torch.from_numpy(images.reshape(len(images), SIDE * SIDE).T.astype(np.float32))
    return pixels, torch.from_numpy(labels.astype(np.int64))


def split(
    count: int, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`count` training digits and all the others, both with the training mean taken off.

    Returns X (64, count), the others (64, 1797 - count), and that mean (64, 1).
    """
    pixels, _ = load()
    order = torch.randperm(pixels.shape[1], generator=generator)
    mean = pixels[:, order[:count]].mean(1, keepdim=True)
    centred = pixels[:, order] - mean
    return centred[:, :count], centred[:, count:], mean
