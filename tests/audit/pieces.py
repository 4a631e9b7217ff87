#!/usr/bin/env python3
"""The outside checker's own pieces: the generator by its published answers, gradients by differences."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools/audit"))

from nets import Layout, make_net
from philox import Key, Stream, philox_blocks, purpose
from rounds import orthogonal_part
from training import cross_entropy, distillation, is_finite, log_softmax

SHAPES = {
    "logreg": {"fc.weight": [3, 64], "fc.bias": [3]},
    "cnn_small": {
        "conv1.weight": [16, 1, 3, 3],
        "conv1.bias": [16],
        "norm1.weight": [16],
        "norm1.bias": [16],
        "conv2.weight": [32, 16, 3, 3],
        "conv2.bias": [32],
        "norm2.weight": [32],
        "norm2.bias": [32],
        "fc1.weight": [32, 128],
        "fc1.bias": [32],
        "fc2.weight": [3, 32],
        "fc2.bias": [3],
    },
}


# The same of volumes: filters are cubes, and what is left of 8 x 8 x 8 is 2 x 2 x 2.
VOLUME_SHAPES = {
    **SHAPES["cnn_small"],
    "conv1.weight": [16, 1, 3, 3, 3],
    "conv2.weight": [32, 16, 3, 3, 3],
    "fc1.weight": [32, 256],
}


def layout_of(shapes: dict[str, list[int]]) -> Layout:
    slots, offset = [], 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        slots.append({"name": name, "shape": shape, "offset": offset, "size": size})
        offset += size
    return Layout(slots)


def worst_slope(value: Callable[[np.ndarray], float], gradient: np.ndarray, at: np.ndarray) -> float:
    """How far the gradient's slope along random directions is from a central difference."""
    random, worst, step = np.random.default_rng(1), 0.0, 1e-6
    for _ in range(20):
        direction = random.standard_normal(at.shape)
        direction /= np.linalg.norm(direction)
        slope = (value(at + step * direction) - value(at - step * direction)) / (2 * step)
        worst = max(worst, abs(slope - float((gradient * direction).sum())))
    return worst


class Pieces(unittest.TestCase):
    def test_philox_gives_the_published_answers(self) -> None:
        ones = 0xFFFFFFFF
        digits = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
        for counter, key, answer in (
            ([0] * 4, (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
            ([ones] * 4, (ones, ones), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
            (digits, (0xA4093822, 0x299F31D0), [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),
        ):
            self.assertEqual(philox_blocks(np.array([counter], dtype=np.uint64), key)[0].tolist(), answer)

    def test_streams_are_apart_and_permute(self) -> None:
        a, b = Stream(Key(1, purpose("train"), 0, 1)), Stream(Key(1, purpose("train"), 0, 2))
        self.assertNotEqual([a.next_u32() for _ in range(4)], [b.next_u32() for _ in range(4)])
        items = list(range(300))
        a.shuffle(items)
        self.assertEqual(sorted(items), list(range(300)))
        self.assertNotEqual(items, list(range(300)))
        normal = [a.normal() for _ in range(4000)]
        self.assertLess(abs(float(np.mean(normal))), 0.05)
        self.assertLess(abs(float(np.std(normal)) - 1), 0.05)

    def test_gradients_are_slopes(self) -> None:
        random = np.random.default_rng(3)
        y = np.array([0, 1, 2, 0, 1, 2])
        images, volumes = random.standard_normal((6, 1, 8, 8)), random.standard_normal((6, 1, 8, 8, 8))
        cases = [(name, shapes, images) for name, shapes in SHAPES.items()]
        for name, shapes, x in (*cases, ("cnn_small", VOLUME_SHAPES, volumes)):
            net = make_net(name, layout_of(shapes))
            w = net.layout.initial(Key(5, purpose("init"), 0, 0)).astype(np.float64)
            _, d = cross_entropy(net.forward(w, x), y)
            gradient = net.backward(w, d)
            self.assertGreater(float(np.abs(gradient).max()), 1e-3)
            worst = worst_slope(lambda v: cross_entropy(net.forward(v, x), y)[0], gradient, w)
            self.assertLess(worst, 1e-7, name)

    def test_distillation_is_a_slope(self) -> None:
        random = np.random.default_rng(4)
        teacher, z = log_softmax(random.standard_normal((5, 3))), random.standard_normal((5, 3))
        value, d = distillation(teacher, z)
        self.assertGreater(value, 0)
        self.assertLess(worst_slope(lambda v: distillation(teacher, v)[0], d, z), 1e-8)

    def test_the_orthogonal_part_is_orthogonal(self) -> None:
        random = np.random.default_rng(5)
        rows, target = random.standard_normal((4, 50)), random.standard_normal(50)
        part = orthogonal_part(target, rows)
        self.assertLess(float(np.abs(rows @ part).max()), 1e-12)
        self.assertAlmostEqual(float(part @ target), float(part @ part))


class Finite(unittest.TestCase):
    def test_what_float32_cannot_hold_is_not_finite(self) -> None:
        largest = float(np.finfo(np.float32).max)
        self.assertTrue(is_finite(np.array([0.0, -largest, largest])))
        for value in (1.001 * largest, -1e300, np.inf, np.nan):
            self.assertFalse(is_finite(np.array([0.0, value])), value)


if __name__ == "__main__":
    unittest.main()
