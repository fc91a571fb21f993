"""Dagster's side of a component: an asset with a partition a day, and figures for people.

Annotations are evaluated here: Dagster looks at those of an asset's function.
"""

import datetime as dt
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from pipeline import components
from pipeline.artifacts import Artifact
from pipeline.orchestration import display
from pipeline.store import Made
from recsys.features.anomalies import Row

Step = Callable[[dt.date], Made]
"""Runs a component for a span."""
Gate = Callable[[Any], Sequence[Row]]
"""Says what is wrong with an artifact; nothing may be built on one that has an error."""


def daily(days: Sequence[dt.date]) -> dg.DailyPartitionsDefinition:
    """A partition a day from the first to the last, whatever the clock says."""
    return dg.DailyPartitionsDefinition(
        start_date=days[0].isoformat(),
        end_date=(days[-1] + dt.timedelta(days=1)).isoformat(),
        timezone="UTC",
    )


def between(asset: dg.AssetsDefinition | dg.AssetKey, first: int, last: int) -> dg.AssetDep:
    """A dependence on the partitions from `first` to `last` days after one's own; an asset may
    depend, by its key, on its own earlier ones."""
    return dg.AssetDep(asset, partition_mapping=dg.TimeWindowPartitionMapping(first, last))


def component(
    days: dg.DailyPartitionsDefinition,
    *deps: dg.AssetsDefinition | dg.AssetDep,
    gate: Gate | None = None,
) -> Callable[[Step], dg.AssetsDefinition]:
    """Makes a step an asset, named and described as the component that it runs; it stops everything
    behind it where its gate says so."""

    def decorate(step: Step) -> dg.AssetsDefinition:
        name = step.__name__
        checks = [dg.AssetCheckSpec("gate", asset=name, blocking=True)] if gate else []

        @dg.asset(
            name=name,
            description=inspect.getdoc(getattr(components, name)),
            deps=deps,
            partitions_def=days,
            check_specs=checks,
        )
        # Dagster wants the bare class here.
        def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
            artifact, is_reused = step(dt.date.fromisoformat(context.partition_key))
            return dg.MaterializeResult(
                metadata=_figures(artifact, is_reused),
                check_results=[_checked(gate(artifact))] if gate else [],
            )

        return asset

    return decorate


def _figures(artifact: Artifact, is_reused: bool) -> dict[str, Any]:
    page = artifact.published_as
    return {
        **({"report": dg.MetadataValue.url(f"/reports/{page}")} if page else {}),
        **artifact.figures(),
        "seconds": artifact.record.seconds,
        "is_reused": is_reused,
        "path": dg.MetadataValue.path(str(artifact.path)),
    }


def _checked(rows: Sequence[Row]) -> dg.AssetCheckResult:
    metadata = {"anomalies": dg.MetadataValue.md(display.markdown(rows))} if rows else {}
    passed = not any(row.severity == "error" for row in rows)
    return dg.AssetCheckResult(passed=passed, metadata=metadata)
