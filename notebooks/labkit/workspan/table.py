"""The cost model of `labkit.workspan`, as one table: what each torch operation costs.

Comes in: the name of an operation ("mm", "cumsum") and the sizes it worked on. Goes out: its work
(arithmetic operations) and its span (steps that must follow one another). The counting code holds
no cost of its own: every number comes from a row of `TABLE`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


def lg(k: int) -> int:
    """ceil(log2 k): the steps in which k numbers are added up pairwise (0 for k = 0 and 1)."""
    return max(k - 1, 0).bit_length()


Formula = Callable[..., int]


def _compiled(text: str) -> Formula:
    """The formula `text` as a function of the sizes. Only literals of `TABLE` come here."""
    formula: Formula = eval(
        f"lambda n=1, k=1, m=1, r=1, c=1, mul=1, add=1: {text}",
        {"lg": lg, "min": min, "max": max},
    )
    return formula


@dataclass(frozen=True)
class Row:
    """What one family of operations costs.

    work, span   formulas in these sizes, as Python text
                   n  results (for matrices: how many)    k  numbers that go into each result
                   r, c  rows and columns of a matrix     m  right-hand sides, or multiplications
                   mul, add  1; for complex numbers 6 and 2, a product's and a sum's real operations
    flow         which function of `flows` says where in a result the waiting happens
    operations   torch's names for them, without the prefix "aten::" and a last underscore
    """

    family: str
    work: str
    span: str
    flow: str
    operations: str
    count: Formula = field(init=False, repr=False, compare=False)
    steps: Formula = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", _compiled(self.work))
        object.__setattr__(self, "steps", _compiled(self.span))


_LU = "2*(k**3-k)//3"  # k(k-1)/2 comparisons for the pivots, as many divisions, the updates
_LU_SPAN = "(k-1)*(3+lg(k))"  # a column: its pivot, a division, a multiplication, a subtraction
_QR = "4*r*c*min(r,c) - 4*min(r,c)**3//3"

# fmt: off
TABLE = (
    # One step for each number, whatever the operation: exp, sqrt, where and == like +.
    Row("elementwise", "n", "1", "elementwise", # torch's own tag "pointwise" adds some 200 names
        "masked_fill complex polar floor_divide hardswish _prelu_kernel log_sigmoid_forward "
        "float_power bernoulli leaky_relu_backward"),
    Row("multiply", "n*mul", "1", "elementwise", "mul div square"),
    Row("add", "n*add", "1", "scaled_add", "add sub rsub"),
    # Fused: what their parts cost, one after another.
    Row("multiply, then add", "n*(mul+add)", "2", "fused_add", "addcmul addcdiv"),
    Row("interpolate", "n*(mul+2*add)", "3", "elementwise", "lerp"),
    Row("dropout", "2*n", "2", "elementwise", "native_dropout native_dropout_backward"),
    Row("tanh', sigmoid'", "3*n", "3", "first_joins_last",
        "tanh_backward sigmoid_backward"),
    Row("cross product", "3*n", "2", "along", "linalg_cross"),
    # Reductions: k numbers become one, pairwise.
    Row("reduction", "n*(k-1)*add", "lg(k)", "along",
        "sum nansum any all amax amin aminmax max min argmax argmin count_nonzero"),
    Row("trace", "n*(k-1)*add", "lg(k)", "diagonal", "trace"),
    Row("prod", "n*(k-1)*mul", "lg(k)", "along", "prod"),
    Row("mean", "n*((k-1)*add+1)", "lg(k)+1", "along", "mean"),
    Row("norm", "2*n*k", "lg(k)+2", "along", "linalg_vector_norm norm"),
    Row("var", "4*n*k", "2*lg(k)+4", "along", "var var_mean"),
    Row("std", "n*(4*k+1)", "2*lg(k)+5", "along", "std std_mean"),
    Row("logsumexp", "4*n*k", "2*lg(k)+4", "along", "logsumexp"),
    Row("softmax", "n*(5*k-2)", "2*lg(k)+3", "along", "_softmax _safe_softmax"),
    Row("log softmax", "n*(5*k-1)", "2*lg(k)+4", "along", "_log_softmax"),
    Row("softmax'", "n*(4*k-1)", "lg(k)+3", "along", "_softmax_backward_data"),
    Row("log softmax'", "n*(4*k-1)", "lg(k)+2", "log_softmax_backward",
        "_log_softmax_backward_data"),
    Row("layer norm", "n*(5*k+2)", "2*lg(k)+7", "layer_norm", "native_layer_norm"),
    Row("mse", "3*k", "lg(k)+3", "loss", "mse_loss"),
    Row("mse'", "3*n", "3", "elementwise", "mse_loss_backward"),
    Row("equal", "2*k-1", "1+lg(k)", "whole", "equal"),
    Row("all close", "7*k-1", "4+lg(k)", "whole", "allclose"),
    # Products over k: k multiplications side by side, then a reduction.
    Row("product", "n*(k*mul+(k-1)*add)", "1+lg(k)", "product", "mm bmm mv dot vdot"),
    Row("product, then add", "n*k*(mul+add)", "2+lg(k)", "product_add",
        "addmm baddbmm addmv addbmm addr"),
    Row("convolution", "m*mul+(m-n)*add", "1+lg(k)", "convolution", "convolution"),
    Row("convolution'", "m*mul+(m-n)*add", "1+lg(k)", "convolution_backward",
        "convolution_backward"),
    Row("distances", "3*n*k", "3+lg(k)", "distances", "_cdist_forward"),
    Row("attention", "n*(k*(2*r-1) + k + (5*k-2) + c*(2*k-1))", "6+lg(r)+3*lg(k)", "attention",
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention"),
    Row("pooling", "n*k", "1+lg(k)", "pooling",
        "avg_pool2d avg_pool3d max_pool2d_with_indices max_pool3d_with_indices"),
    # Prefix sums: the i-th needs lg(i) steps.
    Row("scan", "n*(k-1)*add", "lg(k)", "scan", "cumsum cummax cummin _cummax_helper"),
    Row("scan of products", "n*(k-1)*mul", "lg(k)", "scan", "cumprod"),
    Row("scan of logsumexp", "4*n*(k-1)", "4*lg(k)", "scan", "logcumsumexp"),
    # lg k stages of butterflies: a complex product and a sum each. Real numbers: half the work.
    Row("fft", "5*n*k*lg(k)", "2*lg(k)", "fourier", "_fft_c2c"),
    Row("real fft", "5*n*k*lg(k)//2", "2*lg(k)", "fourier", "_fft_r2c _fft_c2r"),
    Row("sort", "n*k*lg(k)", "lg(k)*(lg(k)+1)//2", "along",
        "sort topk msort kthvalue median nanmedian mode _unique2 unique_dim unique_consecutive"),
    Row("search", "n*lg(k)", "lg(k)", "whole", "searchsorted bucketize"),
    # Matrices: the textbook algorithms, a step for every column.
    Row("triangular solve", "n*k*k*m", "3*k-2", "matrix",
        "linalg_solve_triangular triangular_solve"),
    Row("Cholesky", "n*k*(k+1)*(2*k+1)//6", "4*k-3", "matrix", "linalg_cholesky_ex cholesky"),
    Row("solve after Cholesky or LU", "2*n*k*k*m", "2*(3*k-2)", "matrix",
        "cholesky_solve _cholesky_solve_helper linalg_lu_solve"),
    Row("inverse after Cholesky", "2*n*k**3", "2*(3*k-2)", "matrix", "cholesky_inverse"),
    Row("LU", f"n*({_LU})", _LU_SPAN, "matrix", "linalg_lu_factor_ex linalg_lu"),
    Row("determinant", f"n*({_LU}+k-1)", f"{_LU_SPAN}+lg(k)", "matrix",
        "_linalg_det _linalg_slogdet"),
    Row("solve", f"n*({_LU}+2*k*k*m)", f"{_LU_SPAN}+2*(3*k-2)", "matrix", "_linalg_solve_ex"),
    Row("inverse", f"n*({_LU}+2*k**3)", f"{_LU_SPAN}+2*(3*k-2)", "matrix", "linalg_inv_ex"),
    Row("QR", f"n*({_QR})", "min(r,c)*(6+2*lg(r))", "matrix", "linalg_qr"),
    Row("least squares", f"n*({_QR}+(2*r+k)*k*m)", "min(r,c)*(6+2*lg(r))+lg(r)+3*k-1", "matrix",
        "linalg_lstsq"),
    Row("SVD", "n*(14*max(r,c)*min(r,c)**2+8*min(r,c)**3)", "min(r,c)*(12+4*lg(max(r,c)))",
        "matrix", "_linalg_svd"),
    Row("symmetric eigen", "9*n*k**3", "k*(12+4*lg(k))", "matrix", "_linalg_eigh"),
    Row("eigen", "25*n*k**3", "k*(12+4*lg(k))", "matrix", "linalg_eig _linalg_eigvals"),
    # Additions to places that an index names; k of them meet in the fullest place.
    Row("scatter add", "n*add", "lg(k)", "scatter_add",
        "index_add scatter_add index_put_accumulate"),
    Row("fold", "n*add", "lg(k)", "fold", "col2im unfold_backward embedding_dense_backward"),
    # Data that only moves costs nothing, wherever it goes.
    Row("copy", "0", "0", "carry", "copy clone _to_copy contiguous _local_scalar_dense"),
    Row("move", "0", "0", "move",
        "cat stack flip roll repeat tril triu diag_embed constant_pad_nd reflection_pad1d "
        "reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d "
        "im2col index index_select index_put _unsafe_index _unsafe_index_put gather take embedding "
        "masked_select masked_scatter scatter index_fill index_copy put select_scatter "
        "slice_scatter diagonal_scatter as_strided_scatter select_backward slice_backward "
        "diagonal_backward block_diag pixel_shuffle pixel_unshuffle channel_shuffle "
        "repeat_interleave rot90 alias_copy diagonal_copy expand_copy narrow_copy permute_copy "
        "select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy "
        "transpose_copy unbind_copy unfold_copy unsqueeze_copy view_copy"),
    Row("find", "0", "0", "whole", "nonzero nonzero_static"),
    Row("create", "0", "0", "create",
        "zero fill zeros_like ones_like full_like empty_like rand_like randn_like randint_like "
        "new_zeros new_ones new_full new_empty new_empty_strided normal uniform random exponential "
        "geometric cauchy log_normal"),
)
# fmt: on

ROWS = {name: row for row in TABLE for name in row.operations.split()}
FAMILIES = {row.family: row for row in TABLE}

# Operations that only say where a tensor's numbers lie, and bookkeeping of torch's own.
FREE = frozenset("lift_fresh lift _linalg_check_errors record_stream _assert_async".split())
# Memory without contents: nothing runs.
EMPTY = frozenset("empty empty_strided empty_like new_empty new_empty_strided".split())
# The program waits for a result before it can go on.
WAITS = frozenset(
    "_local_scalar_dense equal allclose nonzero masked_select _unique2 unique_dim "
    "unique_consecutive bincount".split()
)


def table() -> str:
    """The cost model as a Markdown table (the one in the documentation).

    >>> print(table().splitlines()[2])
    | elementwise | `n` | `1` |
    """
    lines = ["| operation | work | span |", "|---|---|---|"]
    lines += [f"| {row.family} | `{row.work}` | `{row.span}` |" for row in TABLE]
    return "\n".join(lines)
