"""The metrics of all workers of a server, each series with the worker that it is of.

Prometheus's own mode for several processes keeps counters in files, and knows neither gauges that
are asked when they are read nor the process's own series. A few workers can be asked instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import httpx
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_SECONDS_TO_ANSWER = 2.0


async def gathered(workers: Mapping[str, str], mine: str, own: bytes) -> bytes:
    """All workers' metrics, in Prometheus's text format; of one that doesn't answer, none.

    Args:
        workers: addresses by name.
        mine: the name of the worker that is asked.
        own: its metrics.
    """
    async with httpx.AsyncClient(timeout=_SECONDS_TO_ANSWER) as client:
        others = [name for name in workers if name != mine]
        texts = await asyncio.gather(*(_asked(client, workers[name]) for name in others))
    found = {mine: own.decode()} | dict(zip(others, texts, strict=True))
    registry = CollectorRegistry()
    registry.register(_Labelled(found))
    return generate_latest(registry)


async def _asked(client: httpx.AsyncClient, url: str) -> str:
    try:
        return (await client.get(f"{url}/metrics", params={"of": "worker"})).text
    except httpx.HTTPError:
        return ""


class _Labelled(Collector):
    """Families of several texts as one, each sample labelled by its text's name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def collect(self) -> Iterable[Metric]:
        """The families."""
        families: dict[str, Metric] = {}
        for name, text in self._texts.items():
            for family in text_string_to_metric_families(text):
                known = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                known.samples += [
                    sample._replace(labels={**sample.labels, "worker": name})
                    for sample in family.samples
                ]
        return families.values()
