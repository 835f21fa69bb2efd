"""Search for better choices of the learner: Optuna's TPE over rolling-origin years, resumable, every trial in the experiment table."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
from optuna.storages.journal import JournalFileBackend

from engine.domain import Tier
from engine.store import Reader
from models import learner, validation
from models.experiments import record
from models.learner import Recipe

_SEED = 1


def suggest(trial: optuna.Trial) -> Recipe:
    """A recipe from the space searched."""
    shipped = Recipe()
    sisters = {}
    for name, sister in shipped.sisters.items():
        sisters[name] = dataclasses.replace(
            sister,
            leaves=trial.suggest_int(f"{name}_leaves", 10, 90, log=True),
            smallest_leaf=trial.suggest_int(f"{name}_smallest_leaf", 20, 500, log=True),
            rounds=trial.suggest_int(f"{name}_rounds", 80, 500, log=True),
        )
    return Recipe(
        alpha=trial.suggest_float("alpha", 0.01, 0.4, log=True),
        half_life_days=trial.suggest_float("half_life_days", 300, 5000, log=True),
        day_ahead_weight=trial.suggest_float("day_ahead_weight", 1.0, 8.0, log=True),
        disturbed_weight=trial.suggest_float("disturbed_weight", 0.1, 2.0, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.15, 0.9),
        lambda_l2=trial.suggest_float("lambda_l2", 0.5, 50.0, log=True),
        sisters=sisters,
    )


def parameters_of(recipe: Recipe) -> dict[str, float]:
    """The parameters by which `suggest` gives a recipe."""
    plain = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe) if f.name != "sisters"}
    return plain | {
        f"{name}_{what}": getattr(sister, what)
        for name, sister in recipe.sisters.items()
        for what in ("leaves", "smallest_leaf", "rounds")
    }


def tune(reader: Reader, out: Path, trials: int, years: Sequence[int] = validation.YEARS, tier: Tier = Tier.FULL) -> Path:
    """Try `trials` more recipes, the shipped one first of all, and write the best so far to `recipe.json` in `out`; returns the file.

    A trial's value is the mean WAPE of the price areas and Denmark over the years, day ahead, half of it with temperature errors
    of 1.2 K. Trials are kept in `tuning.log`, and a later call goes on after them. Raises Expected where the store holds too little.
    """
    out.mkdir(parents=True, exist_ok=True)
    loaded = [validation.load_year(reader, year, tier, tests=("10:00", "1.2 K")) for year in years]
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(out / "tuning.log")))
    name = f"{tier.value} {' '.join(map(str, years))}"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    # The seed moves on with the trials: a resumed search must not repeat what the first one drew.
    study.sampler = optuna.samplers.TPESampler(seed=_SEED + len(study.trials), multivariate=True)
    if not study.trials:
        study.enqueue_trial(parameters_of(Recipe()))

    def objective(trial: optuna.Trial) -> float:
        began = time.monotonic()
        recipe = suggest(trial)
        centres = [learner.fit_centre(year.train, year.end, recipe) for year in loaded]
        scores: dict[str, float] = {}
        for test in ("10:00", "1.2 K"):
            daily = [validation.score(y.tests[test], c.predict(y.tests[test].rows)) for y, c in zip(loaded, centres, strict=True)]
            joined = sum(daily[1:], daily[0])
            scores |= {f"{area} {test}": round(joined.wape(area), 4) for area in joined.errors}
        seconds = round(time.monotonic() - began)
        facts = {"what": f"trial {trial.number}", "tier": tier.value, "seconds": seconds, **loaded[-1].facts()}
        record(out, "tuning", scores, dataclasses.asdict(recipe), **facts)
        value = float(np.mean(list(scores.values())))
        print(f"trial {trial.number}: {value:.4f}, best before {_best(study):.4f}, {seconds} s", flush=True)
        return value

    study.optimize(objective, n_trials=trials)
    best = suggest(optuna.trial.FixedTrial(study.best_params))  # type: ignore[arg-type]
    (out / "recipe.json").write_text(json.dumps(dataclasses.asdict(best), indent=1) + "\n", encoding="utf-8")
    return out / "recipe.json"


def _best(study: optuna.Study) -> float:
    done = [t.value for t in study.trials if t.value is not None]
    return min(done, default=float("nan"))
