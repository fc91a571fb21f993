"""Numbers as people read them: thousands apart, three significant digits, shares in percent."""

from __future__ import annotations

import json
import math
from typing import Any

NONE = "-"
"""Stands where there is no number."""
MAX_VALUE_LENGTH = 60
"""Letters of a value that are shown."""


def count(num: float) -> str:
    """A number of things: 41203 -> `41,203`."""
    return f"{num:,.0f}"


def figure(value: float | None) -> str:
    """A measured value: 0.012345 -> `0.0123`, 41203.6 -> `41,200`, 3170000 -> `3.17 M`. Whole
    numbers below a million stay exact."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = float(f"{abs(value):.3g}")
    if abs(value) < 1e6 and abs(value) == int(abs(value)):
        text = f"{abs(value):,.0f}"
    elif size >= 1e15 or size < 1e-4:
        text = f"{size:.2e}"
    else:
        text = _large(size) if size >= 1e6 else _decimal(size)
    return f"-{text}" if value < 0 else text


def metric(value: float | None, sign: str = "") -> str:
    """A metric, to four decimals, as the gates say it: 0.10788 -> `0.1079`; a whole number is one,
    and what is no number says so."""
    if value is None:
        return NONE
    if math.isnan(value):
        return "NaN"
    is_whole = math.isfinite(value) and value == int(value)
    return f"{value:,.0f}" if is_whole and not sign else f"{value:{sign},.4f}"


def interval(ends: tuple[float, float] | None, sign: str = "") -> str:
    """From where to where: `[0.0942, 0.1229]`; nothing for None."""
    return "" if ends is None else f"[{', '.join(f'{end:{sign},.4f}' for end in ends)}]"


def change(value: float | None) -> str:
    """A change as a share of what it is from, with its sign: 0.0231 -> `+2.31%`; 12.5 ->
    `+1,250%`."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "+∞" if value > 0 else "-∞"
    size = round(100 * abs(value), 2)
    return f"{100 * value:+,.{2 if size < 10 else 1 if size < 100 else 0}f}%"


def change_interval(ends: tuple[float, float]) -> str:
    """From which change to which: `[+1.20%, +3.40%]`; nothing where that is not known."""
    is_known = not any(math.isnan(end) for end in ends)
    return f"[{', '.join(change(end) for end in ends)}]" if is_known else ""


def p_value(value: float | None) -> str:
    """A chance as tests give it: 0.0312 -> `0.031`, what is below 0.001 says no more."""
    if value is None or math.isnan(value):
        return NONE
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def share(value: float | None) -> str:
    """A share in percent: 0.3127 -> `31.3%`; what is not quite none or all never reads so."""
    if value is None or math.isnan(value):
        return NONE
    if 0 < value < 0.0001:
        return "<0.01%"
    if 0.9999 < value < 1:
        return ">99.99%"
    percent = 100 * value
    is_whole, is_near_an_end = value == 0 or value >= 1, percent < 1 or percent > 99
    digits = 0 if is_whole else 2 if is_near_an_end else 1
    return f"{percent:,.{digits}f}%"


def sentence(words: str) -> str:
    """Words as they begin a line: `the ranker's AUC` -> `The ranker's AUC`; nDCG stays itself."""
    return words if words[1:2].isupper() else words[:1].upper() + words[1:]


def value(given: Any) -> str:
    """A value of the data, as JSON writes it and no longer than a glance; nothing for None."""
    text = "nothing" if given is None else json.dumps(given, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"


def _large(size: float) -> str:
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if size >= unit:
            return f"{_decimal(size / unit)} {name}"
    raise AssertionError(size)


def _decimal(size: float) -> str:
    """Three significant digits without an exponent."""
    decimals = max(0, 2 - math.floor(math.log10(size)))
    return f"{size:,.{decimals}f}"
