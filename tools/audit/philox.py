"""The named random streams: Philox 4x32-10 (Salmon et al. 2011), keyed by (seed, purpose, actor, round)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MASK32 = 0xFFFFFFFF
MASK64 = 0xFFFFFFFFFFFFFFFF
BLOCKS_AT_A_TIME = 64


def purpose(name: str) -> int:
    """FNV-1a, 64 bits."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK64
    return h


@dataclass(frozen=True)
class Key:
    seed: int
    purpose: int
    actor: int
    round: int


def mix(z: int) -> int:
    """The output function of splitmix64 (Steele, Lea, Flood 2014)."""
    z = (z + 0x9E3779B97F4A7C15) & MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
    return z ^ (z >> 31)


def hash_key(key: Key, start: int) -> int:
    h = start
    for part in (key.seed, key.purpose, key.actor, key.round):
        h = mix(h ^ part)
    return h


def philox_blocks(counters: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """counters [n, 4] of uint64 that hold 32 bits each -> [n, 4]."""
    c0, c1, c2, c3 = (counters[:, i].copy() for i in range(4))
    k0, k1 = key
    low, shift = np.uint64(MASK32), np.uint64(32)
    for _ in range(10):
        a = np.uint64(0xD2511F53) * c0
        b = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (b >> shift) ^ c1 ^ np.uint64(k0), b & low, (a >> shift) ^ c3 ^ np.uint64(k1), a & low
        k0, k1 = (k0 + 0x9E3779B9) & MASK32, (k1 + 0xBB67AE85) & MASK32
    return np.stack([c0, c1, c2, c3], axis=1)


class Stream:
    """From block 0. The lower half of the counter counts blocks; the upper half is a hash of the key."""

    def __init__(self, key: Key) -> None:
        k, c = hash_key(key, 0x243F6A8885A308D3), hash_key(key, 0x13198A2E03707344)
        self._key = (k & MASK32, k >> 32)
        self._upper = (c & MASK32, c >> 32)
        self._next_block = 0
        self._words: list[int] = []
        self._at = 0
        self._spare: float | None = None

    def _refill(self) -> None:
        blocks = np.arange(self._next_block, self._next_block + BLOCKS_AT_A_TIME, dtype=np.uint64)
        counters = np.empty((BLOCKS_AT_A_TIME, 4), dtype=np.uint64)
        counters[:, 0] = blocks & np.uint64(MASK32)
        counters[:, 1] = blocks >> np.uint64(32)
        counters[:, 2], counters[:, 3] = self._upper
        self._words = philox_blocks(counters, self._key).reshape(-1).tolist()
        self._next_block += BLOCKS_AT_A_TIME
        self._at = 0

    def next_u32(self) -> int:
        if self._at == len(self._words):
            self._refill()
        self._at += 1
        return self._words[self._at - 1]

    def next_u64(self) -> int:
        first = self.next_u32()
        return first | self.next_u32() << 32

    def uniform(self) -> float:
        """[0, 1), 53 bits."""
        return (self.next_u64() >> 11) * 2.0**-53

    def below(self, n: int) -> int:
        """[0, n), unbiased (Lemire 2019); n < 2^32."""
        product = self.next_u32() * n
        if product & MASK32 < n:
            threshold = (2**32 - n) % n
            while product & MASK32 < threshold:
                product = self.next_u32() * n
        return product >> 32

    def normal(self) -> float:
        """Marsaglia's polar method; every second call returns the other number of a pair."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        while True:
            u, v = 2 * self.uniform() - 1, 2 * self.uniform() - 1
            s = u * u + v * v
            if 0 < s < 1:
                break
        factor = math.sqrt(-2 * math.log(s) / s)
        self._spare = v * factor
        return u * factor

    def shuffle(self, items: list[int]) -> None:
        """Fisher-Yates from the back, in place."""
        for i in range(len(items), 1, -1):
            j = self.below(i)
            items[i - 1], items[j] = items[j], items[i - 1]
