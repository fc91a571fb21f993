"""What tests of several rooms share: one small real bundle, built once a session when a test first
asks for it. TensorFlow takes seconds to import, so nothing here imports it before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import recsys  # noqa: F401  # chooses Keras 2 before any test module imports TensorFlow

if TYPE_CHECKING:
    from tiny_pipeline import TinyPipeline

    from recsys import config
    from recsys.bundle import Bundle
    from recsys.recommender import Recommender
    from recsys.workspace import Workspace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where two processes share the tests, a file stays whole, since its fixtures are made once for
    it, and so do all tests of Spark, which takes half a minute to start."""
    for item in items:
        needs_spark = "spark_engine" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("spark" if needs_spark else str(item.path)))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyPipeline:
    """Three hundred apps, two hundred users, three days, and all that the components made."""
    from tiny_pipeline import build

    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_workspace(tiny: TinyPipeline) -> Workspace:
    """Its workspace, where nothing was pushed; copy it before you change it."""
    return tiny.workspace


@pytest.fixture(scope="session")
def tiny_bundle(tiny: TinyPipeline) -> Bundle:
    """Its bundle."""
    from recsys.bundle import Bundle

    return Bundle.load(tiny.bundle.path)


@pytest.fixture(scope="session")
def tiny_recommender(tiny_bundle: Bundle) -> Recommender:
    """A recommender over it."""
    from recsys.recommender import Recommender

    return Recommender(tiny_bundle)


@pytest.fixture(scope="session")
def spark_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[config.Engine]:
    """The settings of a real Spark cluster: two workers of a core each."""
    import spark_cluster as cluster

    from recsys import config

    with cluster.running(tmp_path_factory.mktemp("spark")) as master:
        yield config.Engine(
            kind="spark",
            master=master,
            num_threads=cluster.NUM_WORKERS * cluster.CORES_A_WORKER,
            memory_limit_mib=cluster.MEMORY_MIB,
        )
