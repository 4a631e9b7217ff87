"""Local training and what else steps along gradients: batches, losses, SGD, Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nets import CnnSmall, LogReg, log_softmax
from philox import Key, Stream, purpose

CLIP_EPSILON = 1e-6


class Data:
    """The pool of all images, as the network reads them: (x / 255 - 0.5) / 0.5."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, dtype: type) -> None:
        self.dtype = dtype
        self.labels = labels
        self._images = images

    def images(self, rows: np.ndarray | list[int]) -> np.ndarray:
        x = self._images[rows].astype(np.float32)
        return ((x / np.float32(255) - np.float32(0.5)) / np.float32(0.5)).astype(self.dtype)


@dataclass(frozen=True)
class Sgd:
    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    prox_mu: float = 0.0
    max_delta: float = 0.0
    adam: tuple[float, float, float] | None = None  # beta1, beta2, epsilon; momentum is not looked at then
    decoupled: bool = False  # AdamW's weight decay
    balanced: bool = False


def batches(
    rows: list[int], batch_size: int, epochs: int, steps: int, key: Key, labels: list[int] | None = None
) -> Iterator[list[int]]:
    """Every epoch shuffles the order of the one before; its last batch may be short. `steps` > 0 overrides
    `epochs`. With `labels`, those of `rows`, batches are balanced: the next sample is of any class."""
    order, stream = list(rows), Stream(key)
    decks = _decks(rows, labels) if labels is not None else []
    each = (len(rows) - 1) // batch_size + 1
    total = steps if steps > 0 else epochs * each
    for step in range(total):
        begin = step % each * batch_size
        if decks:
            yield [_draw(decks, stream) for _ in range(min(batch_size, len(rows) - begin))]
            continue
        if begin == 0:
            stream.shuffle(order)
        yield order[begin : begin + batch_size]


def shard_order(key: Key, shards: int) -> list[int]:
    """In which order a job goes through its shards."""
    order = list(range(shards))
    Stream(Key(key.seed, purpose("shard_order"), key.actor, key.round)).shuffle(order)
    return order


def _decks(rows: list[int], labels: list[int]) -> list[list[list[int]]]:
    """Of each class that occurs, ascending: its rows, and those of them that are still to be drawn."""
    return [[[r for r, l in zip(rows, labels) if l == label], []] for label in sorted(set(labels))]


def _draw(decks: list[list[list[int]]], stream: Stream) -> int:
    deck = decks[stream.below(len(decks))]
    if not deck[1]:
        stream.shuffle(deck[0])
        deck[1] = deck[0][::-1]
    return deck[1].pop()


def cross_entropy(z: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean and its gradient at the logits; of labels [rows, labels] of 0 and 1 the binary cross entropy of each."""
    if labels.ndim == 2:
        y = labels.astype(z.dtype)
        losses = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
        return float(losses.mean()), (1 / (1 + np.exp(-z)) - y) / z.size
    log_p = log_softmax(z)
    rows = np.arange(len(z))
    d = np.exp(log_p)
    d[rows, labels] -= 1
    return float(-log_p[rows, labels].mean()), d / len(z)


def log_answers(z: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The logarithms of the probabilities of the classes, or, where images have any number of labels, of each label."""
    return -np.logaddexp(0, -z) if labels.ndim == 2 else log_softmax(z)


def label_distillation(log_teacher: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The gradient, at the student's logits, of the mean over rows and labels of the KL between a label's two answers."""
    return (1 / (1 + np.exp(-z)) - np.exp(log_teacher)) / z.size


def distillation(log_teacher: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean of KL(teacher || student) over the rows, and its gradient at the student's logits."""
    p = np.exp(log_teacher)
    log_q = log_softmax(z)
    value = float((p * (log_teacher - log_q)).sum(axis=1).mean())
    return value, (np.exp(log_q) * p.sum(axis=1, keepdims=True) - p) / len(z)


def clipped(g: np.ndarray, longest: float) -> np.ndarray:
    if longest <= 0:
        return g
    length = math.sqrt(float(np.dot(g.astype(np.float64), g.astype(np.float64))))
    return g * g.dtype.type(min(1.0, longest / (length + CLIP_EPSILON)))


class SgdState:
    """Momentum without dampening, or Adam; decay (but for AdamW) and the proximal term count before clipping."""

    def __init__(self, size: int, dtype: type) -> None:
        self.velocity = np.zeros(size, dtype=dtype)
        self.adam = Adam(size, dtype, 0.0)

    def step(self, w: np.ndarray, g: np.ndarray, s: Sgd, base: np.ndarray | None = None) -> None:
        if s.weight_decay and not s.decoupled:
            g = g + w.dtype.type(s.weight_decay) * w
        if s.prox_mu and base is not None:
            g = g + w.dtype.type(s.prox_mu) * (w - base)
        if s.adam:
            g = clipped(g, s.clip_norm)
            if s.decoupled:
                w *= w.dtype.type(1 - s.lr * s.weight_decay)
            self.adam.lr, (self.adam.beta1, self.adam.beta2, self.adam.epsilon) = s.lr, s.adam
            return self.adam.step(w, g)
        self.velocity = w.dtype.type(s.momentum) * self.velocity + clipped(g, s.clip_norm)
        w -= w.dtype.type(s.lr) * self.velocity


class Adam:
    """Kingma and Ba 2015, with bias correction."""

    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def __init__(self, size: int, dtype: type, lr: float) -> None:
        self.lr, self.steps = lr, 0
        self.mean, self.square = np.zeros(size, dtype=dtype), np.zeros(size, dtype=dtype)

    def step(self, w: np.ndarray, g: np.ndarray) -> None:
        self.steps += 1
        self.mean = self.beta1 * self.mean + (1 - self.beta1) * g
        self.square = self.beta2 * self.square + (1 - self.beta2) * g * g
        correction1, correction2 = 1 - self.beta1**self.steps, 1 - self.beta2**self.steps
        denominator = np.sqrt(self.square) / math.sqrt(correction2) + self.epsilon
        w -= (self.lr / correction1) * self.mean / denominator


def shortened(delta: np.ndarray, most: float) -> np.ndarray:
    if most <= 0:
        return delta
    length = float(np.linalg.norm(delta.astype(np.float64)))
    return delta * delta.dtype.type(min(1.0, most / length)) if length > 0 else delta


def is_finite(w: np.ndarray) -> bool:
    """In afu's float32: what float64 holds beyond it is infinite there."""
    return bool(np.all(np.abs(w) <= np.finfo(np.float32).max))  # NaN is not


class Trainer:
    """A network with the pool; every method returns differences to where it began."""

    def __init__(self, net: LogReg | CnnSmall, data: Data) -> None:
        self.net, self.data = net, data
        self.finite = True  # what the last `train` came to, before it was shortened

    def state(self, w: np.ndarray) -> SgdState:
        return SgdState(len(w), w.dtype.type)

    def labels_of(self, rows: list[int], sgd: Sgd) -> list[int] | None:
        return [int(l) for l in self.data.labels[rows]] if sgd.balanced else None

    def gradient(self, w: np.ndarray, rows: list[int], labels: np.ndarray | None = None) -> np.ndarray:
        """Of the mean cross entropy."""
        z = self.net.forward(w, self.data.images(rows))
        _, d = cross_entropy(z, self.data.labels[rows] if labels is None else labels)
        return self.net.backward(w, d.astype(w.dtype))

    def train(
        self, base: np.ndarray, rows: list[int], sgd: Sgd, batch_size: int, epochs: int, steps: int, key: Key
    ) -> np.ndarray:
        w, state = base.copy(), self.state(base)
        for batch in batches(rows, batch_size, epochs, steps, key, self.labels_of(rows, sgd)):
            state.step(w, self.gradient(w, batch), sgd, base)
        self.finite = is_finite(w)
        return shortened(w - base, sgd.max_delta)

    def train_shards(
        self, base: np.ndarray, shards: list[list[int]], sgd: Sgd, batch_size: int, epochs: int, key: Key
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Epochs of each shard in turn, by one stream; the update, and what of it each shard made."""
        w, stream = base.copy(), Stream(key)
        parts = [np.zeros_like(base) for _ in shards]
        orders = [list(rows) for rows in shards]
        passes = [s for s in shard_order(key, len(shards)) if orders[s]]
        last, state = None, self.state(base)
        for shard in passes * epochs:
            before = w.copy()
            if shard != last:
                last, state = shard, self.state(base)
            stream.shuffle(orders[shard])
            for begin in range(0, len(orders[shard]), batch_size):
                state.step(w, self.gradient(w, orders[shard][begin : begin + batch_size]), sgd, base)
            parts[shard] += w - before
        self.finite = is_finite(w)
        whole = shortened(w - base, sgd.max_delta)
        length = float(np.linalg.norm((w - base).astype(np.float64)))
        scale = float(np.linalg.norm(whole.astype(np.float64))) / length if length > 0 else 1.0
        return whole, [part * part.dtype.type(scale) for part in parts]

    def descend(
        self,
        base: np.ndarray,
        rows: list[int],
        sgd: Sgd,
        batch_size: int,
        epochs: int,
        key: Key,
        gradient: Callable[[np.ndarray, list[int]], np.ndarray],
    ) -> np.ndarray:
        """SGD along any gradient of the weights and a batch."""
        w, state = base.copy(), self.state(base)
        for batch in batches(rows, batch_size, epochs, 0, key):
            state.step(w, gradient(w, batch), sgd)
        return w - base

    def log_probabilities(self, w: np.ndarray, rows: list[int]) -> np.ndarray:
        return log_answers(self.net.forward(w, self.data.images(rows)), self.data.labels)


class HeadTrainer:
    """Training with FedAU's auxiliary head beside the network's own: both losses train what they share."""

    def __init__(self, trainer: Trainer, seed: int) -> None:
        self.trainer, self.seed = trainer, seed
        layout = trainer.net.layout
        weight = next(s for s in layout.slots if s["name"] == trainer.net.head + ".weight")
        self.classes, self.features = weight["shape"]
        self.begin = weight["offset"]
        self.size = self.classes * (self.features + 1)

    def head_of(self, w: np.ndarray) -> np.ndarray:
        return w[self.begin : self.begin + self.size]

    def label(self, row: int) -> int:
        """Fixed for a row, whoever asks."""
        return Stream(Key(self.seed, purpose("fedau.label"), row, 0)).below(self.classes)

    def split(self, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = self.classes * self.features
        return head[:weights].reshape(self.classes, self.features), head[weights:]

    def start(self, base: np.ndarray, last: np.ndarray | None, gamma: float) -> np.ndarray:
        main = self.head_of(base)
        return main.copy() if last is None else main + main.dtype.type(gamma) * (last - main)

    def train(
        self,
        base: np.ndarray,
        head: np.ndarray,
        relabelled: set[int],
        backbone: bool,
        rows: list[int],
        sgd: Sgd,
        batch_size: int,
        epochs: int,
        steps: int,
        key: Key,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The update and the new head, which begins as `head`."""
        net, data = self.trainer.net, self.trainer.data
        w, state = base.copy(), self.trainer.state(base)
        first, head, head_state = head.copy(), head.copy(), self.trainer.state(head)
        for batch in batches(rows, batch_size, epochs, steps, key, self.trainer.labels_of(rows, sgd)):
            labels = data.labels[batch]
            own = np.array([self.label(r) if r in relabelled else l for r, l in zip(batch, labels)])
            z = net.forward(w, data.images(batch))
            seen = net._features
            weight, bias = self.split(head)
            _, d_main = cross_entropy(z, labels)
            _, d_head = cross_entropy(seen @ weight.T + bias, own)
            more = (d_head @ weight).astype(w.dtype) if backbone else None
            g = net.backward(w, d_main.astype(w.dtype), more)
            g_head = np.concatenate([(d_head.T @ seen).reshape(-1), d_head.sum(axis=0)]).astype(w.dtype)
            state.step(w, g, sgd, base)
            head_state.step(head, g_head, sgd, first)
        return shortened(w - base, sgd.max_delta), head
