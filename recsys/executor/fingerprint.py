"""Google's Fingerprint64 of a text, by which TensorFlow spreads values over hash buckets.

It is `farmhashna::Hash64` of FarmHash (https://github.com/google/farmhash), in Python's integers:
some microseconds a text, and only texts outside a vocabulary of several buckets need it.
"""

from __future__ import annotations

_MASK = 2**64 - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_Pair = tuple[int, int]


def fingerprint64(text: str) -> int:
    """The fingerprint of a text's UTF-8 bytes, in `[0, 2**64)`."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= 16:
        return _up_to_16(data)
    if len(data) <= 32:
        return _17_to_32(data)
    return _33_to_64(data) if len(data) <= 64 else _beyond_64(data)


def _up_to_16(data: bytes) -> int:
    size = len(data)
    if size >= 8:
        mul = _K2 + size * 2
        a = _word(data, 0) + _K2 & _MASK
        b = _word(data, size - 8)
        c = _rotate(b, 37) * mul + a & _MASK
        d = (_rotate(a, 25) + b) * mul & _MASK
        return _hash16(c, d, mul)
    if size >= 4:
        first, last = (int.from_bytes(part, "little") for part in (data[:4], data[-4:]))
        return _hash16(size + (first << 3), last, _K2 + size * 2)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _shift_mix(y * _K2 & _MASK ^ z * _K0 & _MASK) * _K2 & _MASK
    return _K2


def _17_to_32(data: bytes) -> int:
    mul = _K2 + len(data) * 2
    a, b = _word(data, 0) * _K1 & _MASK, _word(data, 8)
    c, d = _word(data, -8) * mul & _MASK, _word(data, -16) * _K2 & _MASK
    return _hash16(
        _rotate(a + b, 43) + _rotate(c, 30) + d & _MASK, a + _rotate(b + _K2, 18) + c & _MASK, mul
    )


def _33_to_64(data: bytes) -> int:
    mul = _K2 + len(data) * 2
    a, b = _word(data, 0) * _K2 & _MASK, _word(data, 8)
    c, d = _word(data, -8) * mul & _MASK, _word(data, -16) * _K2 & _MASK
    y = _rotate(a + b, 43) + _rotate(c, 30) + d & _MASK
    z = _hash16(y, a + _rotate(b + _K2, 18) + c & _MASK, mul)
    e, f = _word(data, 16) * mul & _MASK, _word(data, 24)
    g, h = (y + _word(data, -32)) * mul & _MASK, (z + _word(data, -24)) * mul & _MASK
    return _hash16(
        _rotate(e + f, 43) + _rotate(g, 30) + h & _MASK, e + _rotate(f + a, 18) + g & _MASK, mul
    )


def _beyond_64(data: bytes) -> int:
    seed = 81
    x, y = seed * _K2 + _word(data, 0) & _MASK, seed * _K1 + 113 & _MASK
    z = _shift_mix(y * _K2 + 113 & _MASK) * _K2 & _MASK
    v, w = (0, 0), (0, 0)
    for start in range(0, (len(data) - 1) // 64 * 64, 64):
        x, y, z, v, w = _round(data[start : start + 64], x, y, z, v, w, _K1, 1)
    mul = _K1 + ((z & 0xFF) << 1)
    w = (w[0] + (len(data) - 1 & 63) & _MASK, w[1])
    v = (v[0] + w[0] & _MASK, v[1])
    w = (w[0] + v[0] & _MASK, w[1])
    x, y, z, v, w = _round(data[-64:], x, y, z, v, w, mul, 9)
    return _hash16(
        _hash16(v[0], w[0], mul) + _shift_mix(y) * _K0 + z & _MASK,
        _hash16(v[1], w[1], mul) + x & _MASK,
        mul,
    )


def _round(
    block: bytes, x: int, y: int, z: int, v: _Pair, w: _Pair, mul: int, weight: int
) -> tuple[int, int, int, _Pair, _Pair]:
    """One block of 64 bytes; the last one is weighed differently."""
    x = _rotate(x + y + v[0] + _word(block, 8), 37) * mul & _MASK
    y = _rotate(y + v[1] + _word(block, 48), 42) * mul & _MASK
    x ^= w[1] * weight & _MASK
    y = y + v[0] * weight + _word(block, 40) & _MASK
    z = _rotate(z + w[0], 33) * mul & _MASK
    v = _weak_hash32(block[:32], v[1] * mul, x + w[0])
    w = _weak_hash32(block[32:], z + w[1], y + _word(block, 16))
    return z, y, x, v, w


def _weak_hash32(data: bytes, a: int, b: int) -> _Pair:
    w, x, y, z = (_word(data, start) for start in (0, 8, 16, 24))
    a = a + w & _MASK
    b = _rotate(b + a + z, 21)
    c = a
    a = a + x + y & _MASK
    b += _rotate(a, 44)
    return a + z & _MASK, b + c & _MASK


def _hash16(u: int, v: int, mul: int) -> int:
    a = (u ^ v) * mul & _MASK
    a ^= a >> 47
    b = (v ^ a) * mul & _MASK
    b ^= b >> 47
    return b * mul & _MASK


def _shift_mix(value: int) -> int:
    return value ^ value >> 47


def _word(data: bytes, start: int) -> int:
    """Eight bytes from a place, or from so many before the end."""
    start = start if start >= 0 else len(data) + start
    return int.from_bytes(data[start : start + 8], "little")


def _rotate(value: int, bits: int) -> int:
    """The low 64 bits rotated right."""
    value &= _MASK
    return (value >> bits | value << 64 - bits) & _MASK
