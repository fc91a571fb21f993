"""What a span's data looks like, as tensorflow-metadata's `DatasetFeatureStatisticsList`.

TFDV and other tools of TFX open what is written here. `columns` says what figures a column has,
`sampling` which of them are exact. `datasets.compute` plans how to measure each column (`plan`),
measures (`examined`), and writes the message; `readers` is what others read it with.
"""

from recsys.features.statistics.datasets import compute as compute
from recsys.features.statistics.readers import NUM_INFINITE as NUM_INFINITE
from recsys.features.statistics.readers import (
    DatasetFeatureStatistics as DatasetFeatureStatistics,
)
from recsys.features.statistics.readers import (
    DatasetFeatureStatisticsList as DatasetFeatureStatisticsList,
)
from recsys.features.statistics.readers import FeatureNameStatistics as FeatureNameStatistics
from recsys.features.statistics.readers import Histogram as Histogram
from recsys.features.statistics.readers import common as common
from recsys.features.statistics.readers import custom as custom
from recsys.features.statistics.readers import features as features
from recsys.features.statistics.readers import features_of as features_of
from recsys.features.statistics.readers import histogram as histogram
from recsys.features.statistics.readers import is_slice as is_slice
from recsys.features.statistics.readers import load as load
from recsys.features.statistics.readers import name as name
from recsys.features.statistics.readers import num_values_quantiles as num_values_quantiles
from recsys.features.statistics.readers import quantiles as quantiles
from recsys.features.statistics.readers import save as save
from recsys.features.statistics.readers import slices as slices
from recsys.features.statistics.readers import value_counts as value_counts
from recsys.features.statistics.texts import NUM_RANKED_VALUES as NUM_RANKED_VALUES
from recsys.features.statistics.texts import NUM_TOP_VALUES as NUM_TOP_VALUES
