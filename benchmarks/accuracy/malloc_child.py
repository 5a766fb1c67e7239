"""Carries a sequence of requests out with this machine's posix_memalign and free. Reads and writes JSON.

Imports little and works without allocating in between, so that the heap holds little else.
"""

import ctypes
import json
import sys

LOOK_BYTES = 64 << 10  # mallinfo2 walks the heap: asked after requests from here on


FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def main() -> None:
    sequence = json.load(sys.stdin)
    libc = ctypes.CDLL(None)
    take, give, look = libc.posix_memalign, libc.free, libc.mallinfo2
    take.argtypes, give.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t], [ctypes.c_void_p]
    give.restype, look.restype = None, Mallinfo2
    pointers = (ctypes.c_void_p * (1 + len(sequence)))()
    base, width, born, peak = ctypes.addressof(pointers), ctypes.sizeof(ctypes.c_void_p), 0, 0

    def held() -> int:
        info = look()
        return int(info.arena) + int(info.hblkhd)

    start = held()
    for number in sequence:
        if number < 0:
            give(pointers[-number])
            continue
        born += 1
        if number:
            take(base + born * width, 64, number)
        if number >= LOOK_BYTES:
            peak = max(peak, held() - start)
    json.dump({"peak_bytes": peak, "end_bytes": held() - start}, sys.stdout)


main()
