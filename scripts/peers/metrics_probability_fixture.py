#!/usr/bin/env python3
"""Write what scikit-learn, netcal, SciPy and statsmodels compute of scores.

Usage: metrics_probability_fixture.py FOLDER
       (in an environment with metrics_probability_requirements.txt, installed
       without dependencies)

FOLDER gets probability.json, for engine/metrics/probability/testdata, and
cases.json, for engine/metrics/cases/testdata. Probabilities, references, scores
and the draws of bootstraps come from formula.py, so only results are stored.
"""

import importlib.abc
import importlib.machinery
import json
import pathlib
import sys
import types
from unittest.mock import MagicMock

import numpy as np
import scipy.special
import scipy.stats
import sklearn.metrics
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

import formula


class Unneeded(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Empty packages for what netcal imports for things that are not used here."""

    names = {"torch", "gpytorch", "matplotlib", "pyro", "tensorboard", "tqdm"}

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in self.names:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return type("Empty", (MagicMock,), {"__path__": []})(name=spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Unneeded())
from netcal.metrics.confidence import ECE, MCE  # noqa: E402

sys.meta_path.pop(0)
for module in [m for m in sys.modules if m.split(".")[0] in Unneeded.names]:
    del sys.modules[module]  # SciPy asks whether its arguments are tensors of a loaded PyTorch


def unit(name, count):
    """count float64 numbers in [0, 1)."""
    return (formula.uniform(name, count) + 1) / 2


def power(x, k):
    out = x
    for _ in range(k - 1):
        out = out * x
    return out


def calibration(p, y, bins):
    """In float64: of float32 values at an edge netcal counts some in one bin and averages them in another."""
    p = p.astype(np.float64)
    return dict(ece=ECE(bins).measure(p, y), mce=MCE(bins).measure(p, y))


def binary(name, n, sharp=1, levels=0, truth=1, ignore=0.0, bins=10):
    """One case: p is x^sharp in so many levels, the truth is drawn with chance x^truth."""
    x = unit(name + ".p", n)
    p = power(x, sharp)
    if levels:
        p = np.floor(p * (levels + 1)) / levels
    p = p.astype(np.float32)
    y = (unit(name + ".y", n) < power(x, truth)).astype(np.uint8)
    keep = unit(name + ".keep", n) >= ignore
    q, t = p[keep], y[keep]
    wrong = (q >= 0.5).astype(np.uint8) != t
    doubt = np.minimum(q, 1 - q)
    return dict(name=name, n=n, sharp=sharp, levels=levels, truth=truth, ignore=ignore, bins=bins, values=dict(
        brier=sklearn.metrics.brier_score_loss(t, q.astype(np.float64)),
        nll=sklearn.metrics.log_loss(t, q),
        **calibration(q, t, bins),
        auroc=sklearn.metrics.roc_auc_score(t, q),
        average_precision=sklearn.metrics.average_precision_score(t, q),
        uncertainty_auroc=sklearn.metrics.roc_auc_score(wrong, doubt),
        uncertainty_spearman=scipy.stats.spearmanr(doubt, wrong).statistic,
    ))


def classes(name, n, count, bins=10):
    """One case of several classes: p in proportion to x^4, the truth the greatest of x + noise."""
    x = np.stack([unit(f"{name}.p{c}", n) for c in range(count)])
    a = power(x, 4)
    total = a[0]
    for c in range(1, count):
        total = total + a[c]
    p = (a / total).astype(np.float32)
    y = np.argmax(x + np.stack([unit(f"{name}.y{c}", n) for c in range(count)]), axis=0)
    q = p.T.astype(np.float64)
    wrong = np.argmax(p, axis=0) != y
    with np.errstate(divide="ignore", invalid="ignore"):
        doubt = -np.sum(scipy.special.xlogy(q, q), axis=1)
    hot = np.eye(count)[y]
    return dict(name=name, n=n, classes=count, bins=bins, values=dict(
        brier=sklearn.metrics.brier_score_loss(y, q / q.sum(1, keepdims=True), scale_by_half=False),
        nll=sklearn.metrics.log_loss(y, p.T),
        **calibration(p.T, y, bins),
        auroc=sklearn.metrics.roc_auc_score(hot, q, average="macro"),
        average_precision=sklearn.metrics.average_precision_score(hot, q, average="macro"),
        uncertainty_auroc=sklearn.metrics.roc_auc_score(wrong, doubt),
        uncertainty_spearman=scipy.stats.spearmanr(doubt, wrong).statistic,
    ))


def scores(name, n, skew=1):
    """Multiples of 2^-20, so that sums are exact in any order."""
    return np.floor(power(unit(name, n), skew) * 2**20) / 2**20


def draws(name, resamples, n):
    return np.floor(unit(name + ".draws", resamples * n) * n).astype(int).reshape(resamples, n)


def bca(name, n, skew=1, confidence=0.95, resamples=999):
    values = scores(name, n, skew)
    means = values[draws(name, resamples, n)].mean(axis=1)
    given = types.SimpleNamespace(bootstrap_distribution=means)
    r = scipy.stats.bootstrap((values,), np.mean, method="BCa", confidence_level=confidence, n_resamples=0,
                              bootstrap_result=given)
    free = scipy.stats.bootstrap((values,), np.mean, method="BCa", confidence_level=confidence, n_resamples=200000, batch=2000,
                                 rng=np.random.default_rng(1))
    below = (np.count_nonzero(means < values.mean()) + np.count_nonzero(means <= values.mean())) / (2 * resamples)
    _, _, acceleration = scipy.stats._resampling._bca_interval(
        (values,), np.mean, -1, (1 - confidence) / 2, means, None, np)
    return dict(name=name, n=n, skew=skew, confidence=confidence, resamples=resamples,
                bias=float(scipy.special.ndtri(below)), acceleration=float(np.squeeze(acceleration)),
                low=float(r.confidence_interval.low), high=float(r.confidence_interval.high),
                free_low=float(free.confidence_interval.low), free_high=float(free.confidence_interval.high))


def paired(name, n, shift):
    a, b = scores(name + ".a", n), scores(name + ".b", n) + shift
    d = b - a
    exact = scipy.stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    plus = scipy.stats.wilcoxon(d, alternative="greater").statistic
    s = [np.std(v, ddof=1) for v in (a, b)]
    df = n - 1
    correction = scipy.special.gamma(df / 2) / (np.sqrt(df / 2) * scipy.special.gamma((df - 1) / 2))
    size = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    return dict(name=name, n=n, shift=shift,
                wilcoxon=scipy.stats.wilcoxon(d, method="exact").pvalue, permutation=exact.pvalue,
                rank_biserial=(2 * plus - n * (n + 1) / 2) / (n * (n + 1) / 2),
                cliffs_delta=2 * scipy.stats.mannwhitneyu(b, a).statistic / n**2 - 1,
                hedges_g=correction * d.mean() / np.mean(s), detectable=size * np.std(d, ddof=1))


def ranking(name, runs, n, resamples=200):
    """challengeR's aggregate-then-rank: means, rank with ties.method "min", tau-b against the full ranking."""
    # Multiples of 1/8, so that some means are equal and rounding makes no difference.
    values = np.stack([np.floor(8 * np.minimum(unit(f"{name}.{r}", n) + r / 10, 1)) / 8 for r in range(runs)])

    def rank(columns):
        return scipy.stats.rankdata(-columns.sum(axis=1), method="min")

    full = rank(values)
    drawn = [rank(values[:, d]) for d in draws(name, resamples, n)]
    taus = [scipy.stats.kendalltau(full, r).statistic for r in drawn]
    return dict(name=name, runs=runs, n=n, resamples=resamples, ranks=full.tolist(),
                first=np.mean([r == 1 for r in drawn], axis=0).tolist(), mean_ranks=np.mean(drawn, axis=0).tolist(),
                tau=float(np.nanmean(taus)), tied=int(np.isnan(taus).sum()))


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    write = lambda name, data: (folder / name).write_text(json.dumps(data, indent=1, default=float, allow_nan=False) + "\n")
    write("probability.json", dict(
        binary=[
            binary("calibrated", 20000),
            binary("overconfident", 20000, sharp=3, bins=15),
            binary("rare", 50000, sharp=6, truth=12),
            binary("ties", 3000, levels=20, truth=2),
            binary("three values", 500, levels=2),
            binary("ignored", 9000, sharp=2, ignore=0.3, bins=7),
            binary("few", 12, levels=4, bins=3),
        ],
        classes=[classes("three", 20000, 3), classes("five", 9000, 5, bins=20)],
    ))
    p = [[0.01, 0.04, 0.03], [0.2, 0.01, 0.04, 0.03, 0.01], [0.9, 0.8, 0.04], [0.03]]
    write("cases.json", dict(
        bca=[bca("plain", 10), bca("skewed", 8, skew=6), bca("long", 60, skew=3, confidence=0.9), bca("five", 5, skew=4)],
        paired=[paired("none", 9, 0.0), paired("some", 12, 0.3), paired("clear", 8, 0.8), paired("long", 16, 0.2)],
        ranking=[ranking("four", 4, 12), ranking("two", 2, 6), ranking("close", 5, 5)],
        holm=[dict(p=q, adjusted=multipletests(q, method="holm")[1].tolist()) for q in p],
        student=[dict(p=q, df=df, t=scipy.stats.t.ppf(q, df)) for q in (0.6, 0.8, 0.975, 0.999) for df in (1, 2, 3, 7, 30, 300)],
    ))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
