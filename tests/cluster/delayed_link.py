#!/usr/bin/env python3
"""A link with a delay and a rate, for systems without netem: two TUN devices and this process between them.

  delayed_link.py HERE THERE NAMESPACE DELAY_SECONDS BITS_PER_SECOND

Makes device HERE, and THERE in the network namespace NAMESPACE; what goes into one comes out of the other, in order, as a link
of that rate would send it, DELAY_SECONDS later. Nothing is dropped but what a device whose link is down takes no more. Writes
"ready" and a line's end once both are there, and goes with its standard input. Needs root and /dev/net/tun.
"""
import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

MTU = 9000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000


def device(name):
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "mtu", str(MTU)], check=True)
    return file


class Direction:
    def __init__(self, source, sink, delay, rate):
        self.source, self.sink, self.delay, self.rate = source, sink, delay, rate
        self.free = 0.0  # when the last packet's last bit has left
        self.under_way = collections.deque()  # (arrives, packet)

    def read(self, now):
        for _ in range(32):  # the other direction has its turn
            try:
                packet = os.read(self.source, MTU + 64)
            except OSError:  # no more, or the link is down
                return
            self.free = max(self.free, now) + 8 * len(packet) / self.rate
            self.under_way.append((self.free + self.delay, packet))

    def write(self, now):
        while self.under_way and self.under_way[0][0] <= now:
            try:
                os.write(self.sink, self.under_way.popleft()[1])
            except OSError:  # the link is down
                pass


def main(here, there, namespace, delay, rate):
    files = [device(here), device(there)]
    subprocess.run(["ip", "link", "set", there, "netns", namespace], check=True)  # the file stays with this process
    ways = [Direction(*pair, float(delay), float(rate)) for pair in (files, files[::-1])]
    print("ready", flush=True)
    while True:
        due = [way.under_way[0][0] for way in ways if way.under_way]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        readable = select.select([*files, sys.stdin], [], [], wait)[0]
        if sys.stdin in readable:
            return
        for way in ways:
            if way.source in readable:
                way.read(time.monotonic())
            way.write(time.monotonic())


if __name__ == "__main__":
    main(*sys.argv[1:])
