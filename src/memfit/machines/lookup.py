"""Finds the device that a person means: "4090", "A100", "NVIDIA H100 80GB HBM3", "2xh100-80gb", "24GiB", "cpu".

A name that could mean several devices gets the one whose row lists it as an alias, and a note that says so.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace

from memfit.errors import UnknownMachine, UsageError
from memfit.machines.catalogue import all_devices
from memfit.machines.device import CPU, Device, MemoryBasis
from memfit.quantities import GIB, format_bytes, parse_bytes

MOST_DEVICES = 4096  # a request beyond this is a typing error, not a job
# Assumed when only a size is given: the capability of most cards on offer to rent; the note says so.
DEFAULT_CAPABILITY = (8, 0)
_ARCHITECTURES = {
    (6, 0): "pascal", (6, 1): "pascal", (7, 0): "volta", (7, 5): "turing", (8, 0): "ampere", (8, 6): "ampere",
    (8, 7): "ampere", (8, 9): "ada", (9, 0): "hopper", (10, 0): "blackwell", (10, 3): "blackwell",
    (11, 0): "blackwell", (12, 0): "blackwell", (12, 1): "blackwell",
}  # fmt: skip
_BRANDS = ("nvidia", "geforce", "tesla", "amd", "instinct", "radeon", "rtx", "gtx", "quadro", "apple", "jetson", "rx")
_COUNT = re.compile(r"\s*(\d+)\s*(?:[x×*]\s*|\s+x\s+)(?=\S)(.+)", re.IGNORECASE)


def parse_request(text: str) -> tuple[Device, int]:
    """Read a request for devices: a name as ``find`` takes it, with an optional count before it.

    Args:
        text: "h100", "2xh100-80gb", "4 x a100", "24GiB", "cpu".

    Returns:
        The device and how many of it.

    Raises:
        UnknownMachine: no such device.
        UsageError: the count is zero or beyond reason.

    >>> device, count = parse_request("2x rtx4090")
    >>> device.name, count
    ('rtx4090-24gb', 2)
    """
    found = _COUNT.fullmatch(text)
    if found is None:
        return find(text), 1
    count = int(found.group(1))
    if not 1 <= count <= MOST_DEVICES:
        raise UsageError(
            f"{text!r} asks for {count} devices", hint="write the number of devices before the name, like 2xh100"
        )
    device = find(found.group(2))
    if device.is_cpu and count != 1:
        raise UsageError(f"{text!r} asks for {count} CPUs", hint="the CPU is one machine: write cpu", slug="usage")
    return device, count


def find(name: str) -> Device:
    """The device of that name, forgiving case, spaces, hyphens and left-out brands.

    Args:
        name: a slug, an alias, the product's name as a driver reports it, a size ("24GiB"),
            a size with a compute capability ("gpu:24GiB:8.6"), or "cpu".

    Returns:
        The device; its ``note`` says when the name could have meant another.

    Raises:
        UnknownMachine: nothing of that name; the hint names the nearest.

    >>> find("NVIDIA GeForce RTX 4090").name
    'rtx4090-24gb'
    """
    if name.strip().lower() in ("cpu", "host"):
        return CPU
    generic = _generic(name)
    if generic is not None:
        return generic
    meant = _meant(name)
    if not meant:
        raise _unknown(name)
    device, others = meant[0], meant[1:]
    if not others:
        return device
    listed = ", ".join(other.name for other in others)
    return replace(device, note=f"{name.strip()!r} was read as {device.name}; it could also be {listed}")


def _meant(name: str) -> list[Device]:
    """The devices that a name can mean, the preferred one first.

    A slug means itself. A driver's product name means all devices that report it. Anything else means the
    devices that list it as an alias, then those whose name it is with brand, size or variant left out.
    """
    devices, key, bare = all_devices(), _key(name), _bare(name)
    for exact in ([d for d in devices if _key(d.name) == key], [d for d in devices if _key(d.product) == key]):
        if exact:
            return sorted(exact, key=lambda device: not {key, bare} & _listed(device))
    listed = [device for device in devices if {key, bare} & _listed(device)]
    return [*listed, *(d for d in devices if d not in listed and {key, bare} & _shortened(d))]


def _listed(device: Device) -> set[str]:
    return {form(alias) for alias in device.aliases for form in (_key, _bare)}


def _shortened(device: Device) -> set[str]:
    family = re.sub(r"-\d+gb.*$", "", device.name)
    variant = re.sub(r"-\d+gb", "", device.name)
    return {form(text) for text in (device.name, device.product, family, variant) for form in (_key, _bare)}


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower().replace("laptop gpu", "laptop").replace("gib", "gb"))


def _bare(text: str) -> str:
    """The key without brands: "NVIDIA GeForce RTX 3060" and "rtx3060" are both "3060"."""
    words = re.sub(r"[^a-z0-9]+", " ", text.lower().replace("laptop gpu", "laptop")).split()
    kept = [re.sub(rf"^(?:{'|'.join(_BRANDS)})(?=\d|a\d|$)", "", word) for word in words]
    return _key("".join(kept))


def _generic(text: str) -> Device | None:
    """A CUDA card of a given size, or None when the text names no size."""
    found = re.fullmatch(r"(?:gpu:|cuda:)?([0-9.]+\s*[kmgt]i?b)(?::(\d+)\.(\d+))?", text.strip(), re.IGNORECASE)
    if found is None:
        return None
    size_bytes = parse_bytes(found.group(1))
    if size_bytes <= 0:
        raise UsageError(f"{text!r} is a device without memory", hint="write it like 24GiB", slug="bad-size")
    capability = (int(found.group(2)), int(found.group(3))) if found.group(2) else DEFAULT_CAPABILITY
    assumed = "" if found.group(2) else f"compute capability {capability[0]}.{capability[1]} was assumed"
    return Device(
        name=f"gpu-{size_bytes / GIB:g}gib",
        vendor="nvidia",
        product=f"a CUDA device of {format_bytes(size_bytes)}",
        memory_bytes=size_bytes,
        memory_basis=MemoryBasis.GIVEN,
        usable_bytes=size_bytes,
        usable_basis=MemoryBasis.GIVEN,
        capability=capability,
        multiprocessors=None,
        architecture=_ARCHITECTURES.get(capability, ""),
        year=None,
        source="given by the user",
        note=assumed and f"{assumed}: write gpu:{found.group(1).replace(' ', '')}:8.6 to say another",
    )


def _unknown(name: str) -> UnknownMachine:
    slugs = [device.name for device in all_devices()]
    aliases = {alias: device.name for device in all_devices() for alias in device.aliases}
    near = difflib.get_close_matches(name.strip().lower().replace(" ", ""), [*slugs, *aliases], n=5, cutoff=0.5)
    meant = list(dict.fromkeys(aliases.get(item, item) for item in near))[:3]
    hint = f"did you mean {' or '.join(meant)}?" if meant else "give a size instead, like 24GiB or gpu:24GiB:8.6"
    return UnknownMachine(f"there is no device {name.strip()!r} in the catalogue", hint=hint)
