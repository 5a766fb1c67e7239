"""Single operators, forward and backward, at sizes where what they make inside shows.

Each is a function of one parameter; its result is squared and summed, so that the gradient is laid out as results are.
The fresh ones were written down before any of them was simulated, and no rule of memfit's was made or changed for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

F, linalg, nn = torch.nn.functional, torch.linalg, torch.nn
Operator = Callable[[Any], Any]

TOKENS = 256


def image() -> Any:
    return torch.randn(8, 8, 128, 128)


def matrix() -> Any:
    """Square, and well conditioned."""
    return torch.randn(384, 384) + torch.eye(384) * 50


def heads() -> Any:
    return torch.randn(2, 4, TOKENS, 48)


def definite(m: Any) -> Any:
    return m @ m.T + torch.eye(384)


def other(dtype: torch.dtype = torch.float32) -> Any:
    return torch.ones(384, 384, dtype=dtype)


def rows(many: int = 10) -> Any:
    return torch.arange(384) % many


def attention(q: Any, mask: Any = None) -> Any:
    return F.scaled_dot_product_attention(q, q, q, attn_mask=mask)


def aligned(x: Any) -> Any:
    targets = torch.ones(16, 50, dtype=torch.long)
    return F.ctc_loss(x.log_softmax(2), targets, torch.full((16,), 200), torch.full((16,), 50))


def sampled(x: Any) -> Any:
    grid = F.affine_grid(torch.eye(2, 3).repeat(8, 1, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


_OF_IMAGES: dict[str, Operator] = {
    "interpolate bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "interpolate bicubic": lambda x: F.interpolate(x, size=(100, 90), mode="bicubic"),
    "interpolate bicubic antialias": lambda x: F.interpolate(x, size=(100, 90), mode="bicubic", antialias=True),
    "interpolate nearest": lambda x: F.interpolate(x, scale_factor=2),
    "interpolate area": lambda x: F.interpolate(x, scale_factor=0.5, mode="area"),
    "grid_sample": sampled,
    "unfold": lambda x: F.unfold(x, 3, padding=1),
    "fold of unfold": lambda x: F.fold(F.unfold(x, 3, padding=1), 128, 3, padding=1),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "max_pool2d": lambda x: F.max_pool2d(x, 2),
    "max_unpool2d": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 7),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 7),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "lp_pool2d": lambda x: F.lp_pool2d(x, 2, 2),
    "pad reflect": lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
    "pad replicate": lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate"),
    "pad circular": lambda x: F.pad(x, (1, 1, 1, 1), mode="circular"),
    "local_response_norm": lambda x: F.local_response_norm(x, 3),
    "group_norm": lambda x: F.group_norm(x, 4),
    "instance_norm": F.instance_norm,
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "dropout2d": lambda x: F.dropout2d(x, 0.1),
    "cross_entropy of pixels": lambda x: F.cross_entropy(x, torch.zeros(8, 128, 128, dtype=torch.long)),
    "conv2d of an input": lambda x: F.conv2d(x, torch.randn(8, 8, 3, 3)),
}

_OF_MATRICES: dict[str, Operator] = {
    "cholesky": lambda m: linalg.cholesky(definite(m)),
    "cholesky_solve": lambda m: torch.cholesky_solve(m * 1, linalg.cholesky(definite(m))),
    "inv": linalg.inv,
    "pinv": linalg.pinv,
    "svdvals": linalg.svdvals,
    "svd": lambda m: linalg.svd(m)[1],
    "solve": lambda m: linalg.solve(m, m * 2),
    "solve_triangular": lambda m: linalg.solve_triangular(m.triu(), m * 1, upper=True),
    "lstsq": lambda m: linalg.lstsq(m, torch.randn(384, 8))[0],
    "det": linalg.det,
    "logdet": lambda m: torch.logdet(definite(m)),
    "eigh": lambda m: linalg.eigh(definite(m))[0],
    "qr": lambda m: linalg.qr(m)[1],
    "lu": lambda m: linalg.lu(m)[1],
    "householder_product": lambda m: linalg.householder_product(m, m[0] * 0.001),
    "matrix_exp": lambda m: torch.matrix_exp(m * 0.001),
    "matrix_power": lambda m: linalg.matrix_power(m * 0.01, 5),
    "matrix_norm": lambda m: linalg.matrix_norm(m, 2),
    "multi_dot": lambda m: linalg.multi_dot([m, m, m]),
    "einsum": lambda m: torch.einsum("ij,kj->ik", m, m),
    "bilinear": lambda m: F.bilinear(m, m, torch.randn(4, 384, 384)),
    "kron": lambda m: torch.kron(m[:30, :30], m[:20, :20]),
    "outer": lambda m: torch.outer(m[0], m[1]),
    "fft2": lambda m: torch.fft.fft2(m).abs(),
    "irfft of rfft": lambda m: torch.fft.irfft(torch.fft.rfft(m)),
    "cdist": lambda m: torch.cdist(m, m * 2),
    "pdist": F.pdist,
    "pairwise_distance": lambda m: F.pairwise_distance(m, m.roll(1, 0)),
    "cosine_similarity": lambda m: F.cosine_similarity(m[:, None], m[None, :50], dim=-1),
    "sparse.mm": lambda m: torch.sparse.mm(torch.eye(384).to_sparse(), m),
    "abs of complex": lambda m: torch.view_as_complex(m.view(384, 192, 2)).abs(),
    "polar": lambda m: torch.polar(m.abs(), m).real,
}

_OF_ROWS: dict[str, Operator] = {
    "index_put accumulate": lambda m: torch.zeros(10, 384).index_put((rows(),), m, accumulate=True),
    "scatter_reduce": lambda m: torch.zeros(10, 384).scatter_reduce(0, rows()[:, None].expand(-1, 384), m, "amax"),
    "index_add": lambda m: torch.zeros(10, 384).index_add(0, rows(), m),
    "gather": lambda m: m.gather(1, torch.zeros(384, 20, dtype=torch.long)),
    "index_select": lambda m: m.index_select(0, torch.arange(384) // 2),
    "take_along_dim": lambda m: torch.take_along_dim(m, m.argsort(1), 1),
    "selection by a mask": lambda m: m[m.detach() > -1e9],
    "sort": lambda m: m.sort(1)[0],
    "topk": lambda m: m.topk(20)[0],
    "kthvalue": lambda m: m.kthvalue(3)[0],
    "median": lambda m: m.median(1)[0],
    "quantile": lambda m: m.quantile(0.3, dim=1),
    "cumsum": lambda m: m.cumsum(0),
    "cumprod": lambda m: m.cumprod(0),
    "logcumsumexp": lambda m: m.logcumsumexp(0),
    "cummax": lambda m: m.cummax(0)[0],
    "searchsorted": lambda m: m * torch.searchsorted(m.detach().sort(1)[0], m.detach()),
    "multinomial": lambda m: m.softmax(1) * torch.multinomial(m.detach().softmax(1), 5)[:, :1],
    "embedding_bag": lambda m: F.embedding_bag(torch.zeros(64, 30, dtype=torch.long), m, mode="max"),
    "amax": lambda m: m.amax(1),
    "var_mean": lambda m: torch.var_mean(m, 0)[0],
    "logsumexp": lambda m: m.logsumexp(1),
    "sum in float64": lambda m: m.sum(0, dtype=torch.float64),
}

_OF_NUMBERS: dict[str, Operator] = {
    "product with truth values": lambda m: m * (m > 0),
    "product with float64": lambda m: m * other(torch.float64),
    "product with bfloat16": lambda m: m * other(torch.bfloat16),
    "sum with integers": lambda m: m + other(torch.int64),
    "where with float64": lambda m: torch.where(m > 0, m, other(torch.float64)),
    "mse_loss with float64": lambda m: F.mse_loss(m, other(torch.float64)),
    "glu": F.glu,
    "prelu": lambda m: F.prelu(m, torch.tensor([0.1])),
    "mish": F.mish,
    "hardswish": F.hardswish,
    "softplus": F.softplus,
    "logsigmoid": F.logsigmoid,
    "rrelu": lambda m: F.rrelu(m, training=True),
    "alpha_dropout": lambda m: F.alpha_dropout(m, 0.1),
    "gumbel_softmax": lambda m: F.gumbel_softmax(m, hard=True),
    "cross_entropy smoothed": lambda m: F.cross_entropy(m, rows(384), label_smoothing=0.1),
    "cross_entropy of shares": lambda m: F.cross_entropy(m, other()),
    "renorm": lambda m: m.renorm(2, 0, 1.0),
    "lerp": lambda m: torch.lerp(m, m * 2, 0.3),
    "addcmul": lambda m: torch.addcmul(m, m, m),
    "as_strided windows": lambda m: m.unfold(0, 5, 1).sum(-1),
}

_OTHERS: dict[str, tuple[Callable[[], Any], Operator]] = {
    "attention": (heads, attention),
    "attention with a mask": (heads, lambda q: attention(q, torch.zeros(TOKENS, TOKENS))),
    "attention with truth values": (heads, lambda q: attention(q, torch.ones(TOKENS, TOKENS, dtype=torch.bool))),
    "attention with a mask each": (heads, lambda q: attention(q, torch.zeros(2, 1, TOKENS, TOKENS))),
    "temporal classification": (lambda: torch.randn(200, 16, 60), aligned),
    "conv1d": (lambda: torch.randn(64, 32, 9), lambda w: F.conv1d(torch.randn(8, 32, 4000), w)),
    "conv2d dilated": (
        lambda: torch.randn(32, 32, 3, 3),
        lambda w: F.conv2d(torch.randn(4, 32, 64, 64), w, dilation=2, padding=2),
    ),
    "conv2d by depth": (
        lambda: torch.randn(32, 1, 3, 3),
        lambda w: F.conv2d(torch.randn(4, 32, 64, 64), w, groups=32),
    ),
    "conv3d": (lambda: torch.randn(16, 8, 3, 3, 3), lambda w: F.conv3d(torch.randn(2, 8, 16, 32, 32), w)),
    "conv_transpose1d": (
        lambda: torch.randn(32, 16, 8),
        lambda w: F.conv_transpose1d(torch.randn(4, 32, 2000), w, stride=4),
    ),
    "conv2d in float64": (
        lambda: torch.randn(32, 8, 3, 3, dtype=torch.float64),
        lambda w: F.conv2d(torch.randn(4, 8, 64, 64, dtype=torch.float64), w),
    ),
    "conv2d in bfloat16": (
        lambda: torch.randn(32, 8, 3, 3).bfloat16(),
        lambda w: F.conv2d(torch.randn(4, 8, 64, 64).bfloat16(), w),
    ),
    "RNN": (matrix, lambda m: nn.RNN(384, 64)(m[None])[0]),
    "LSTM projected": (matrix, lambda m: nn.LSTM(384, 64, proj_size=32)(m[None])[0]),
    "MultiheadAttention": (matrix, lambda m: nn.MultiheadAttention(384, 4)(m, m, m)[0]),
}

_FRESH: dict[str, tuple[Callable[[], Any], Operator]] = {
    "adaptive_avg_pool3d": (lambda: torch.randn(2, 8, 16, 32, 32), lambda x: F.adaptive_avg_pool3d(x, 4)),
    "interpolate trilinear": (
        lambda: torch.randn(2, 8, 16, 32, 32),
        lambda x: F.interpolate(x, scale_factor=2, mode="trilinear"),
    ),
    "max_pool1d": (lambda: torch.randn(8, 64, 2000), lambda x: F.max_pool1d(x, 2)),
    "conv_transpose2d": (
        lambda: torch.randn(16, 32, 4, 4),
        lambda w: F.conv_transpose2d(torch.randn(4, 16, 32, 32), w, stride=2, padding=1),
    ),
    "conv2d strided in groups": (
        lambda: torch.randn(64, 16, 3, 3),
        lambda w: F.conv2d(torch.randn(4, 32, 64, 64), w, stride=2, groups=2),
    ),
    "conv2d of one point": (lambda: torch.randn(64, 32, 1, 1), lambda w: F.conv2d(torch.randn(4, 32, 64, 64), w)),
    "GRU both ways": (matrix, lambda m: nn.GRU(384, 64, 2, bidirectional=True)(m.view(24, 16, 384))[0]),
    "LSTM both ways": (matrix, lambda m: nn.LSTM(384, 64, 2, bidirectional=True)(m.view(24, 16, 384))[0]),
    "RNN of ReLU": (matrix, lambda m: nn.RNN(384, 64, nonlinearity="relu")(m.view(24, 16, 384))[0]),
    "MultiheadAttention with weights": (
        matrix,
        lambda m: sum(part.square().sum() for part in nn.MultiheadAttention(384, 4)(m, m, m, need_weights=True)),
    ),
    "TransformerEncoderLayer": (
        matrix,
        lambda m: nn.TransformerEncoderLayer(384, 4, 512, batch_first=True)(m.view(4, 96, 384)),
    ),
    "TransformerDecoderLayer": (
        matrix,
        lambda m: nn.TransformerDecoderLayer(384, 4, 512, batch_first=True)(m.view(4, 96, 384), m.view(4, 96, 384)),
    ),
    "attention causal": (heads, lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True)),
    "attention of grouped heads": (
        heads,
        lambda q: F.scaled_dot_product_attention(q, q[:, :2], q[:, :2], enable_gqa=True),
    ),
    "layer_norm": (matrix, lambda m: F.layer_norm(m, (384,))),
    "rms_norm": (matrix, lambda m: F.rms_norm(m, (384,))),
    "normalize": (matrix, F.normalize),
    "gelu by tanh": (matrix, lambda m: F.gelu(m, approximate="tanh")),
    "silu": (matrix, F.silu),
    "selu": (matrix, F.selu),
    "softshrink": (matrix, F.softshrink),
    "threshold": (matrix, lambda m: F.threshold(m, 0.1, 0.0)),
    "embedding": (matrix, lambda m: F.embedding(torch.zeros(64, 30, dtype=torch.long), m)),
    "embedding with a largest norm": (
        matrix,
        lambda m: F.embedding(torch.zeros(64, 30, dtype=torch.long), m * 1, scale_grad_by_freq=True),
    ),
    "kl_div": (matrix, lambda m: F.kl_div(m.log_softmax(1), other().softmax(1), reduction="batchmean")),
    "poisson_nll_loss": (matrix, lambda m: F.poisson_nll_loss(m * 0.01, other())),
    "gaussian_nll_loss": (matrix, lambda m: F.gaussian_nll_loss(m, other(), other())),
    "triplet_margin_loss": (matrix, lambda m: F.triplet_margin_loss(m, m.roll(1, 0), m.roll(2, 0))),
    "cosine_embedding_loss": (matrix, lambda m: F.cosine_embedding_loss(m, m.roll(1, 0), torch.ones(384))),
    "margin_ranking_loss": (matrix, lambda m: F.margin_ranking_loss(m, m.roll(1, 0), other())),
    "hinge_embedding_loss": (matrix, lambda m: F.hinge_embedding_loss(m, other())),
    "multilabel_soft_margin_loss": (matrix, lambda m: F.multilabel_soft_margin_loss(m, other())),
    "multi_margin_loss": (matrix, lambda m: F.multi_margin_loss(m, rows(384))),
    "l1_loss": (matrix, lambda m: F.l1_loss(m, other())),
    "nll_loss": (matrix, lambda m: F.nll_loss(m.log_softmax(1), rows(384))),
    "cross_entropy with weights": (matrix, lambda m: F.cross_entropy(m, rows(384), weight=torch.ones(384))),
    "cov": (matrix, torch.cov),
    "corrcoef": (matrix, torch.corrcoef),
    "cross": (matrix, lambda m: linalg.cross(m.view(-1, 3), m.roll(1, 0).view(-1, 3))),
    "tensordot": (matrix, lambda m: torch.tensordot(m, m, dims=([0], [1]))),
    "logaddexp": (matrix, lambda m: torch.logaddexp(m, m * 2)),
    "erfinv": (matrix, lambda m: torch.erfinv(m.tanh() * 0.9)),
    "lgamma": (matrix, lambda m: torch.lgamma(m.abs() + 1)),
    "sinc": (matrix, torch.sinc),
    "atan2": (matrix, lambda m: torch.atan2(m, m * 2)),
    "nan_to_num": (matrix, torch.nan_to_num),
    "masked_scatter": (matrix, lambda m: (m * 1).masked_scatter(m.detach() > 0, other())),
    "scatter": (matrix, lambda m: torch.zeros(384, 384).scatter(0, rows()[:, None].expand(-1, 384), m)),
    "index_copy": (matrix, lambda m: torch.zeros(400, 384).index_copy(0, torch.arange(384), m)),
    "index_fill": (matrix, lambda m: m.index_fill(0, torch.arange(5), 1.0)),
    "put": (matrix, lambda m: (m * 1).put(torch.arange(50), torch.ones(50))),
    "take": (matrix, lambda m: m.take(torch.arange(5000))),
    "slices of rows": (matrix, lambda m: torch.cat([m[rows(100)], m[5:50]])),
    "tile": (matrix, lambda m: m.tile(2, 2)),
    "stack": (matrix, lambda m: torch.stack([m, m, m])),
    "unbind": (matrix, lambda m: torch.stack(m.unbind(0)[:100])),
    "block_diag": (matrix, lambda m: torch.block_diag(m[:100], m[100:200])),
    "nanmean": (matrix, lambda m: m.nanmean(0)),
    "std_mean": (matrix, lambda m: sum(torch.std_mean(m, 1))),
    "prod": (matrix, lambda m: (m * 0.01).prod(1)),
    "min and max": (matrix, lambda m: m.max(1)[0] - m.min(1)[0]),
    "norm of rows": (matrix, lambda m: linalg.vector_norm(m, 3, dim=1)),
    "softmax in float64": (matrix, lambda m: m.softmax(1, dtype=torch.float64)),
    "stft": (
        lambda: torch.randn(8, 8000),
        lambda x: torch.stft(x, 256, 64, window=torch.hann_window(256), return_complex=True).abs(),
    ),
    "toeplitz by strides": (matrix, lambda m: m.flatten().as_strided((300, 300), (1, 1))),
    "cumulative_trapezoid": (matrix, lambda m: torch.cumulative_trapezoid(m)),
    "slogdet": (matrix, lambda m: linalg.slogdet(definite(m))[1]),
    "eigvals": (matrix, lambda m: linalg.eigvals(m).abs()),
    "lu_solve": (matrix, lambda m: torch.lu_solve(m * 1, *linalg.lu_factor(m.detach()))),
}


def cases() -> dict[str, tuple[str, Callable[[], Any], Operator]]:
    """(group, what makes the parameter, the operator) by name."""
    groups = ((image, _OF_IMAGES), (matrix, _OF_MATRICES), (matrix, _OF_ROWS), (matrix, _OF_NUMBERS))
    first = {name: ("first", make, operator) for make, group in groups for name, operator in group.items()}
    first |= {name: ("first", *pair) for name, pair in _OTHERS.items()}
    return first | {name: ("fresh", *pair) for name, pair in _FRESH.items()}
