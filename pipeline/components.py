"""The components of the pipeline, by TFX's names: plain functions that know no orchestrator."""

from pipeline.bundle_gen import bundle_gen
from pipeline.evaluator import evaluator
from pipeline.example_gen import example_gen
from pipeline.example_validator import example_validator
from pipeline.infra_validator import infra_validator
from pipeline.pusher import pusher
from pipeline.schema_gen import schema_gen
from pipeline.skew_gen import skew_gen
from pipeline.statistics_gen import statistics_gen
from pipeline.trainer import trainer_ranking, trainer_retrieval
from pipeline.transform import transform

__all__ = [
    "bundle_gen",
    "evaluator",
    "example_gen",
    "example_validator",
    "infra_validator",
    "pusher",
    "schema_gen",
    "skew_gen",
    "statistics_gen",
    "trainer_ranking",
    "trainer_retrieval",
    "transform",
]
