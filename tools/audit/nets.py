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
    """Twice: convolution 3 x 3, group norm, 2 x 2 maximum, ReLU; then two linear layers. Of volumes 3 x 3 x 3, 2 x 2 x 2."""

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
        weight = p[conv + ".weight"]
        out = columns @ weight.reshape(len(weight), -1).T + p[conv + ".bias"]
        out = np.moveaxis(out.reshape(len(x), *x.shape[2:], -1), -1, 1)
        normed, scale = _group_norm(out, self.groups[norm])
        y = normed * _each_channel(p[norm + ".weight"], x) + _each_channel(p[norm + ".bias"], x)
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
        all_but_channels = (0, *range(2, d.ndim))
        g[norm + ".weight"][:] = (d * normed).sum(axis=all_but_channels)
        g[norm + ".bias"][:] = d.sum(axis=all_but_channels)
        d = _group_norm_gradient(d * _each_channel(p[norm + ".weight"], d), normed, scale, self.groups[norm])
        rows = np.moveaxis(d, 1, -1).reshape(-1, d.shape[1])
        weight = p[conv + ".weight"]
        g[conv + ".weight"][:] = (rows.T @ columns).reshape(weight.shape)
        g[conv + ".bias"][:] = rows.sum(axis=0)
        return _columns_gradient(rows @ weight.reshape(len(weight), -1), x_shape)


def _each_channel(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[C] as [C, 1, 1], of volumes [C, 1, 1, 1]."""
    return values.reshape(-1, *[1] * (x.ndim - 2))


def _columns(x: np.ndarray) -> np.ndarray:
    """Each position's surroundings, one step along every axis, zeros outside: [n * h * w, c * 9], of volumes c * 27."""
    axes = x.ndim - 2
    padded = np.pad(x, ((0, 0), (0, 0), *[(1, 1)] * axes))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3,) * axes, axis=tuple(range(2, x.ndim)))
    return np.moveaxis(windows, 1, axes + 1).reshape(-1, x.shape[1] * 3**axes)


def _columns_gradient(d: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    n, c, *sides = shape
    d = d.reshape(n, *sides, c, *[3] * len(sides))
    padded = np.zeros((n, c, *(side + 2 for side in sides)), dtype=d.dtype)
    for offset in np.ndindex(*[3] * len(sides)):
        place = tuple(slice(o, o + side) for o, side in zip(offset, sides))
        padded[(slice(None), slice(None), *place)] += np.moveaxis(d[(..., *offset)], -1, 1)
    return padded[(slice(None), slice(None), *[slice(1, -1)] * len(sides))]


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


def _cells(x: np.ndarray) -> np.ndarray:
    """[n, c, h/2, w/2, 4], of volumes [n, c, d/2, h/2, w/2, 8], row by row; an odd last one of an axis is left out."""
    sides = x.shape[2:]
    x = x[(slice(None), slice(None), *(slice(side // 2 * 2) for side in sides))]
    x = x.reshape(*x.shape[:2], *(n for side in sides for n in (side // 2, 2)))
    x = x.transpose(0, 1, *range(2, x.ndim, 2), *range(3, x.ndim, 2))
    return x.reshape(*x.shape[: 2 + len(sides)], 2 ** len(sides))


def _max_pool(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cells = _cells(x)
    where = cells.argmax(axis=-1)
    return np.take_along_axis(cells, where[..., None], axis=-1)[..., 0], where


def _max_pool_gradient(d: np.ndarray, where: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    axes = len(shape) - 2
    cells = np.zeros((*d.shape, 2**axes), dtype=d.dtype)
    np.put_along_axis(cells, where[..., None], d[..., None], axis=-1)
    back = cells.reshape(*d.shape, *[2] * axes)
    back = back.transpose(0, 1, *(k for a in range(axes) for k in (2 + a, 2 + axes + a)))
    even = tuple(2 * side for side in d.shape[2:])
    x = np.zeros(shape, dtype=d.dtype)
    x[(slice(None), slice(None), *(slice(side) for side in even))] = back.reshape(*shape[:2], *even)
    return x


def make_net(name: str, layout: Layout) -> LogReg | CnnSmall:
    if name == "logreg":
        return LogReg(layout)
    if name == "cnn_small":
        return CnnSmall(layout)
    raise Unusable(f'model.name is "{name}", what can be computed again are "logreg" and "cnn_small"')
