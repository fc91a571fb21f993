from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_ind
from store_users import experiment_of

from recsys.config import Metric
from recsys.experiments.estimates import aggregates, errors, estimate, foretold, of_sums, sums
from recsys.experiments.observed import Observed

INSTALLS = Metric(of="installs")
RATIO = Metric(of="installs", per="pages")


def of(seed: int, **values: float) -> Observed:
    return experiment_of(np.random.default_rng(seed), **values)  # type: ignore[arg-type]


def test_a_mean_is_compared_by_welchs_t_test() -> None:
    users = of(1, lift=0.2)
    found = estimate(users, INSTALLS, "treatment", 0.95)
    installs = users.daily["installs"].sum(1)
    treatment, control = installs[users.arm == 1], installs[users.arm == 0]
    expected = ttest_ind(treatment, control, equal_var=False)
    assert found is not None
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.difference == pytest.approx(treatment.mean() - control.mean())
    assert found.difference_interval == pytest.approx(tuple(expected.confidence_interval()))
    assert found.lift == pytest.approx(treatment.mean() / control.mean() - 1)
    assert found.lift_interval[0] < found.lift < found.lift_interval[1]


def test_a_ratio_has_the_variance_of_the_delta_method() -> None:
    """Deng et al. (KDD 2018), equation (3), by hand on four users an arm."""
    above, below = np.array([1.0, 0, 2, 1, 2, 1, 3, 0]), np.array([2.0, 1, 4, 3, 3, 2, 4, 1])
    control = np.arange(8) < 4
    columns = {"of": above, "per": below}
    found = of_sums(columns, control, ~control, 0.95)
    normal = errors(columns, aggregates(columns, control), aggregates(columns, ~control))
    variance = 0.0
    for arm in (control, ~control):
        x, y = above[arm], below[arm]
        ratio = x.mean() / y.mean()
        spread = x.var(ddof=1) - 2 * ratio * np.cov(x, y)[0, 1] + ratio**2 * y.var(ddof=1)
        variance += spread / y.mean() ** 2 / 4
    assert found.control == pytest.approx(0.4)
    assert found.treatment == pytest.approx(0.6)
    assert normal.error == pytest.approx(math.sqrt(variance))
    assert normal.z == pytest.approx(0.2 / math.sqrt(variance))


def test_cuped_takes_away_what_the_past_foretold() -> None:
    """Deng et al. (WSDM 2013), equations (2) to (4): theta is cov / var over both arms, and the
    variance falls by 1 - rho^2."""
    users = of(2, num_users=20_000)
    raw = estimate(users, INSTALLS, "treatment", 0.95)
    found = estimate(users, INSTALLS, "treatment", 0.95, with_past=True)
    assert raw is not None and found is not None
    installs, past = users.daily["installs"].sum(1), users.before["installs"]
    theta = np.cov(installs, past)[0, 1] / past.var(ddof=1)
    left = installs - theta * (past - past.mean())
    control, treatment = left[users.arm == 0], left[users.arm == 1]
    assert found.difference == pytest.approx(treatment.mean() - control.mean(), abs=1e-9)
    width = np.ptp(found.difference_interval) / np.ptp(raw.difference_interval)
    rho = np.corrcoef(installs, past)[0, 1]
    assert width**2 == pytest.approx(1 - rho**2, rel=0.01)
    assert rho**2 > 0.5


def test_users_without_a_past_are_foretold_the_mean_of_their_like() -> None:
    users = of(3, share_without_past=0.4)
    known = ~np.isnan(users.before["installs"])
    past = foretold(users, INSTALLS)
    assert past is not None
    installs = users.daily["installs"].sum(1)
    column = past["of_foretold"]
    assert np.allclose(column[~known], installs[~known].mean())
    assert column[known].mean() == pytest.approx(installs[known].mean())
    slope, base = np.polyfit(users.before["installs"][known], installs[known], 1)
    assert np.allclose(column[known], base + slope * users.before["installs"][known])


def test_cuped_with_new_users_is_unbiased_and_still_sharper() -> None:
    inside, ratios = 0, []
    for seed in range(300):
        users = of(seed, num_users=1_000, lift=0.1, share_without_past=0.4)
        raw = estimate(users, INSTALLS, "treatment", 0.95)
        found = estimate(users, INSTALLS, "treatment", 0.95, with_past=True)
        assert raw is not None and found is not None
        inside += found.lift_interval[0] < 0.1 < found.lift_interval[1]
        ratios.append(np.ptp(found.difference_interval) / np.ptp(raw.difference_interval))
    assert 0.91 <= inside / 300 <= 0.985  # 4 standard errors about 0.95
    assert np.mean(ratios) < 0.9


def test_a_ratio_too_is_sharper_with_the_past() -> None:
    users = of(4, num_users=5_000)
    raw = estimate(users, RATIO, "treatment", 0.95)
    found = estimate(users, RATIO, "treatment", 0.95, with_past=True)
    assert raw is not None and found is not None
    assert np.ptp(found.difference_interval) < 0.9 * np.ptp(raw.difference_interval)


def test_without_any_past_there_is_no_cuped() -> None:
    users = of(5, share_without_past=1.0)
    assert estimate(users, INSTALLS, "treatment", 0.95, with_past=True) is None
    idle = replace(users, before={name: 0 * values for name, values in of(5).before.items()})
    assert estimate(idle, INSTALLS, "treatment", 0.95, with_past=True) is None


def test_a_quantile_over_users_has_a_bootstrap_interval() -> None:
    users = of(6, lift=1.0)
    metric = Metric(of="installs", per="pages", quantile=0.9)
    found = estimate(users, metric, "treatment", 0.95)
    assert found is not None
    columns = sums(users, metric)
    values = columns["of"] / columns["per"]
    assert found.control == pytest.approx(np.quantile(values[users.arm == 0], 0.9))
    assert found.excludes_zero
    assert math.isnan(found.p_value)
    assert estimate(users, metric, "treatment", 0.95) == found  # seeded
    assert estimate(users, metric, "treatment", 0.95, with_past=True) is None


def test_too_little_to_tell_is_no_number_and_no_warning() -> None:
    users = of(7)
    nothing = replace(users, daily={name: 0 * values for name, values in users.daily.items()})
    for metric in (INSTALLS, RATIO, Metric(of="installs", per="pages", quantile=0.5)):
        found = estimate(nothing, metric, "treatment", 0.95)
        assert found is not None
        assert math.isnan(found.lift)
        assert not found.excludes_zero
    columns = {"of": np.zeros(4)}
    some = np.arange(4) < 2
    assert math.isnan(errors(columns, aggregates(columns, some), aggregates(columns, ~some)).z)
    assert aggregates(columns, np.arange(4) < 1).count() == 1
    alone = users.where(np.arange(len(users)) == 0)
    assert math.isnan(estimate(alone, INSTALLS, "treatment", 0.95).p_value)  # type: ignore[union-attr]


def test_aggregates_are_those_of_numpy() -> None:
    columns = {"of": np.array([1.0, 2, 4, 9]), "per": np.array([1.0, 1, 2, 9])}
    found = aggregates(columns, np.array([True, True, True, False]))
    assert (found.count(), found.mean("of"), found.var("per")) == (3, 7 / 3, 1 / 3)
    assert found.cov("of", "per") == pytest.approx(5 / 6)
