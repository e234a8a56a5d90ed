"""How exactly surefoot.optim follows torch.optim, in the configurations that torch tests its optimizers with.

    python benchmarks/exactness.py

float64: the worst relative distance to torch's for-loop after 100 steps (LBFGS: 12 steps of four iterations),
over parameters of every layout and both backends.  A configuration passes within 1e-12 (LBFGS: 1e-8).
float32: our distance to torch's float64 trajectory, over torch's own distance to it; the worst of the
configurations.  The trajectories are those of `pytest tests/optim`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.optim.configurations import UPSTREAM, distance
from tests.optim.measures import beside_torch, errors, tolerance


def main() -> None:
    if not UPSTREAM:
        sys.exit("torch's configurations need the package expecttest: pip install -e '.[test]'")
    print(f"torch {torch.__version__}\n")
    print(f"{'optimizer':<12}{'passed':>9}{'float64 error':>16}{'float32 ratio':>16}")
    passed = 0
    for name in sorted({name for name, _ in UPSTREAM}):
        cases = [settings for known, settings in UPSTREAM if known == name]
        double, ratios = [], []
        for settings in cases:
            double.append(max(distance(a, b) for a, _, b, _ in beside_torch(name, settings)))
            theirs, ours = errors(name, settings, torch.float32, 100)
            ratios.append(ours / theirs if theirs else float(ours > 0))
        within = sum(error <= tolerance(name) for error in double)
        passed += within
        print(
            f"{name:<12}{f'{within} / {len(cases)}':>9}{max(double):>16.1e}{max(ratios):>16.2f}", flush=True
        )
    print(f"\n{passed} of {len(UPSTREAM)} configurations pass")


if __name__ == "__main__":
    main()
