"""logreg and cnn_small in numpy: flat parameters, forward, and backward from the gradient at the logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from philox import Key, Stream

NORM_EPSILON = 1e-5


class Unusable(Exception):
    """The input cannot be checked; the text says why."""


class Layout:
    """Where each parameter lies in the flat vector: audit/run.json, "layout"."""

    def __init__(self, slots: list[dict[str, Any]]) -> None:
        self.slots = slots
        self.size = sum(slot["size"] for slot in slots)

    def views(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        return {
            s["name"]: flat[s["offset"] : s["offset"] + s["size"]].reshape(s["shape"]) for s in self.slots
        }

    def initial(self, key: Key) -> np.ndarray:
        """Uniform on +-1/sqrt(fan in) for a layer's weight and bias; 1 and 0 for a norm. float32, as drawn."""
        stream = Stream(key)
        out = np.empty(self.size, dtype=np.float32)
        for slot in self.slots:
            weight = self._weight_of(slot)
            part = out[slot["offset"] : slot["offset"] + slot["size"]]
            if len(weight["shape"]) < 2:
                part[:] = 1.0 if slot is weight else 0.0
                continue
            bound = np.float32(1.0 / math.sqrt(weight["size"] / weight["shape"][0]))
            draws = np.array([stream.next_u32() >> 8 for _ in range(slot["size"])], dtype=np.float32)
            part[:] = bound * (np.float32(2) * (draws * np.float32(2.0**-24)) - np.float32(1))
        return out

    def _weight_of(self, slot: dict[str, Any]) -> dict[str, Any]:
        name = slot["name"].rsplit(".", 1)[0] + ".weight"
        return next(s for s in self.slots if s["name"] == name)


def log_softmax(z: np.ndarray) -> np.ndarray:
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(log_softmax(z))


class LogReg:
    """logits = x W^T + b."""

    head = "fc"

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def features(self, w: np.ndarray, x: np.ndarray) -> np.ndarray:
        self._features = x.reshape(len(x), -1)
        return self._features

    def forward(self, w: np.ndarray, x: np.ndarray) -> np.ndarray:
        p = self.layout.views(w)
        return self.features(w, x) @ p["fc.weight"].T + p["fc.bias"]

    def backward(self, w: np.ndarray, d_logits: np.ndarray, d_more: np.ndarray | None = None) -> np.ndarray:
        """The flat gradient; `d_more`: what else reaches the features (which nothing here learns from)."""
        gradient = np.zeros(self.layout.size, dtype=w.dtype)
        g = self.layout.views(gradient)
        g["fc.weight"][:] = d_logits.T @ self._features
        g["fc.bias"][:] = d_logits.sum(axis=0)
        return gradient


class CnnSmall:
    """Twice: convolution 3 x 3, group norm, 2 x 2 maximum, ReLU; then two linear layers."""

    head = "fc2"
    groups = {"norm1": 4, "norm2": 8}

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def features(self, w: np.ndarray, x: np.ndarray) -> np.ndarray:
        p = self.layout.views(w)
        self._blocks = []
        for conv, norm in (("conv1", "norm1"), ("conv2", "norm2")):
            x = self._block(p, conv, norm, x)
        self._pooled_shape = x.shape
        self._flat = x.reshape(len(x), -1)
        self._hidden = self._flat @ p["fc1.weight"].T + p["fc1.bias"]
        self._features = np.maximum(self._hidden, 0)
        return self._features

    def forward(self, w: np.ndarray, x: np.ndarray) -> np.ndarray:
        p = self.layout.views(w)
        return self.features(w, x) @ p["fc2.weight"].T + p["fc2.bias"]

    def _block(self, p: dict[str, np.ndarray], conv: str, norm: str, x: np.ndarray) -> np.ndarray:
        columns = _columns(x)
        n, _, height, width = x.shape
        weight = p[conv + ".weight"]
        out = columns @ weight.reshape(len(weight), -1).T + p[conv + ".bias"]
        out = out.reshape(n, height, width, -1).transpose(0, 3, 1, 2)
        normed, scale = _group_norm(out, self.groups[norm])
        y = normed * p[norm + ".weight"][:, None, None] + p[norm + ".bias"][:, None, None]
        pooled, where = _max_pool(y)
        self._blocks.append((conv, norm, x.shape, columns, normed, scale, y.shape, where, pooled > 0))
        return np.maximum(pooled, 0)

    def backward(self, w: np.ndarray, d_logits: np.ndarray, d_more: np.ndarray | None = None) -> np.ndarray:
        p = self.layout.views(w)
        gradient = np.zeros(self.layout.size, dtype=w.dtype)
        g = self.layout.views(gradient)
        g["fc2.weight"][:] = d_logits.T @ self._features
        g["fc2.bias"][:] = d_logits.sum(axis=0)
        d = d_logits @ p["fc2.weight"]
        d = (d if d_more is None else d + d_more) * (self._hidden > 0)
        g["fc1.weight"][:] = d.T @ self._flat
        g["fc1.bias"][:] = d.sum(axis=0)
        d = (d @ p["fc1.weight"]).reshape(self._pooled_shape)
        for block in reversed(self._blocks):
            d = self._block_backward(p, g, block, d)
        return gradient

    def _block_backward(self, p: dict, g: dict, block: tuple, d: np.ndarray) -> np.ndarray:
        conv, norm, x_shape, columns, normed, scale, y_shape, where, positive = block
        d = _max_pool_gradient(d * positive, where, y_shape)
        g[norm + ".weight"][:] = (d * normed).sum(axis=(0, 2, 3))
        g[norm + ".bias"][:] = d.sum(axis=(0, 2, 3))
        d = _group_norm_gradient(d * p[norm + ".weight"][:, None, None], normed, scale, self.groups[norm])
        rows = d.transpose(0, 2, 3, 1).reshape(-1, d.shape[1])
        weight = p[conv + ".weight"]
        g[conv + ".weight"][:] = (rows.T @ columns).reshape(weight.shape)
        g[conv + ".bias"][:] = rows.sum(axis=0)
        return _columns_gradient(rows @ weight.reshape(len(weight), -1), x_shape)


def _columns(x: np.ndarray) -> np.ndarray:
    """Each position's 3 x 3 surroundings, zeros outside: [n * h * w, c * 9]."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)


def _columns_gradient(d: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    n, c, h, w = shape
    d = d.reshape(n, h, w, c, 3, 3)
    padded = np.zeros((n, c, h + 2, w + 2), dtype=d.dtype)
    for i in range(3):
        for j in range(3):
            padded[:, :, i : i + h, j : j + w] += d[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


def _group_norm(x: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Normalised values and 1 / deviation of each group."""
    n = len(x)
    grouped = x.reshape(n, groups, -1)
    mean = grouped.mean(axis=2, keepdims=True)
    scale = 1 / np.sqrt(grouped.var(axis=2, keepdims=True) + NORM_EPSILON)
    return ((grouped - mean) * scale).reshape(x.shape), scale


def _group_norm_gradient(d: np.ndarray, normed: np.ndarray, scale: np.ndarray, groups: int) -> np.ndarray:
    n = len(d)
    dg, xg = d.reshape(n, groups, -1), normed.reshape(n, groups, -1)
    mean, along = dg.mean(axis=2, keepdims=True), (dg * xg).mean(axis=2, keepdims=True)
    return ((dg - mean - xg * along) * scale).reshape(d.shape)


def _quarters(x: np.ndarray) -> np.ndarray:
    """[n, c, h/2, w/2, 4], row by row; an odd last row or column is left out."""
    n, c, h, w = x.shape
    x = x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)
    return x.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // 2, w // 2, 4)


def _max_pool(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    quarters = _quarters(x)
    where = quarters.argmax(axis=4)
    return np.take_along_axis(quarters, where[..., None], axis=4)[..., 0], where


def _max_pool_gradient(d: np.ndarray, where: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    n, c, h, w = shape
    quarters = np.zeros(d.shape + (4,), dtype=d.dtype)
    np.put_along_axis(quarters, where[..., None], d[..., None], axis=4)
    x = np.zeros(shape, dtype=d.dtype)
    back = quarters.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5)
    x[:, :, : h // 2 * 2, : w // 2 * 2] = back.reshape(n, c, h // 2 * 2, w // 2 * 2)
    return x


def make_net(name: str, layout: Layout) -> LogReg | CnnSmall:
    if name == "logreg":
        return LogReg(layout)
    if name == "cnn_small":
        return CnnSmall(layout)
    raise Unusable(f'model.name is "{name}", what can be computed again are "logreg" and "cnn_small"')
