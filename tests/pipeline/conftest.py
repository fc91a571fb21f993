"""What tests of the pipeline share: one real evaluation, made when a test first asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tiny_pipeline import TinyPipeline

    from recsys.config import Config


@pytest.fixture(scope="session")
def evaluation_config(tiny: TinyPipeline) -> Config:
    """The tiny store has too few users for slices of a hundred."""
    settings = tiny.workspace.config
    less = {"min_slice_size": 20, "num_resamples": 200}
    return settings.model_copy(update={"evaluation": settings.evaluation.model_copy(update=less)})


@pytest.fixture(scope="session")
def evaluation_folder(
    tiny: TinyPipeline, evaluation_config: Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What the Evaluator wrote of the tiny bundle beside itself."""
    from pipeline.baseline import Baseline
    from pipeline.evaluator import evaluator

    folder = tmp_path_factory.mktemp("evaluation")
    models = [tiny.retrieval, tiny.ranking]
    itself = Baseline(tiny.bundle.version, tiny.bundle.path, {one.component: one for one in models})
    days = tiny.train, [tiny.test]
    evaluator(tiny.bundle, models, itself, *days, evaluation_config, folder)
    return folder
