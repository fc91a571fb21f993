from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_pipeline import TinyPipeline

from pipeline import trainer, transform
from recsys.config import Ranking
from recsys.errors import BadInput
from recsys.features.transformed import TransformedExamples, load_arrays
from recsys.models import weights
from recsys.models.batches import Vectors


def test_each_model_leaves_its_weights_and_a_loss_an_epoch(tiny: TinyPipeline) -> None:
    config = tiny.workspace.config
    for artifact, num_epochs in (
        (tiny.retrieval, config.retrieval.num_epochs),
        (tiny.ranking, config.ranking.num_epochs),
    ):
        losses = artifact.history["loss"]
        assert len(losses) == num_epochs
        assert np.isfinite(losses).all()
        arrays = load_arrays(artifact.path / weights.WEIGHTS)
        assert arrays
        assert all(np.isfinite(values).all() for values in arrays.values())


def test_the_vectors_are_unit_vectors_of_every_query_and_app(tiny: TinyPipeline) -> None:
    arrays = TransformedExamples.load(tiny.graph.path / transform.EXAMPLES)
    vectors = Vectors.load(tiny.retrieval.path / trainer.VECTORS)
    dim = tiny.workspace.config.retrieval.embedding_dim
    assert vectors.query.shape == (len(arrays.query["country"]), dim)
    assert vectors.catalogue.shape == (len(arrays.catalogue["app_id"]), dim)
    for values in (vectors.query, vectors.catalogue):
        np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, rtol=0, atol=1e-5)


def test_the_same_seed_trains_the_same_ranker(tiny: TinyPipeline, tmp_path: Path) -> None:
    linear = Ranking(kind="linear", batch_size=4_096)
    config = tiny.workspace.config.model_copy(update={"ranking": linear})
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        trainer.trainer_ranking(tiny.graph, tiny.retrieval, None, "", config, tmp_path / name)
    first = load_arrays(tmp_path / "first" / weights.WEIGHTS)
    second = load_arrays(tmp_path / "second" / weights.WEIGHTS)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_allclose(values, second[name], rtol=0, atol=1e-5, err_msg=name)


def test_a_window_without_installs_is_one_sentence(tiny: TinyPipeline, tmp_path: Path) -> None:
    arrays = TransformedExamples.load(tiny.graph.path / transform.EXAMPLES)
    vocabularies = tiny.graph.path / transform.GRAPH
    TransformedExamples(**{**vars(arrays), "installed": np.zeros_like(arrays.installed)}).save(
        tmp_path / transform.EXAMPLES
    )
    (tmp_path / transform.GRAPH).symlink_to(vocabularies)
    graph = type(tiny.graph)(tmp_path, tiny.graph.record)
    with pytest.raises(BadInput, match="expected installs of apps in the catalogue"):
        trainer.trainer_retrieval(graph, None, "", tiny.workspace.config, tmp_path)
