"""The model card: what a bundle is, what it was made of, how good it was, and where it fails."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.domain import BRIDGE_H, HORIZON_H, Tier
from engine.pooled import AHEAD_H

#: The table of `python -m models.train ablate` that came with the program.
ABLATION = Path(__file__).resolve().parent / "ablation.json"
#: How often the makers looked at scores of 2022, the year of the final test.
TEST_YEAR_OPENED = 10


def text(manifest: Mapping[str, Any], size: int) -> str:
    """The model card as Markdown; `size` is that of the graph in bytes."""
    versions = ", ".join(f"{name} {version}" for name, version in manifest["made_with"].items())
    origins: dict[str, list[str]] = {}
    for entry in manifest["data_sources"]:
        what, _, source = str(entry).partition(" from ")
        origins.setdefault(source, []).append(what.replace("_", " "))
    data = "\n".join(f"  * {source}: {', '.join(whats)}" for source, whats in sorted(origins.items()))
    needs, regime = manifest["needs"], manifest["regime"]
    scores = manifest["unseen_wape"]
    leads = list(next(iter(scores.values())))
    weather = (
        f"""{regime["disturbed"]:.0%} of the issues have temperature and wind with forecast-like errors, {regime["narrow"]:.0%} neither radiation
  nor clouds, {regime["blind"]:.0%} no weather."""
        if regime["weather"]
        else "It uses no weather."
    )
    foresight = (
        "The weather it was trained on is analysis, not forecast. Scores below use the same weather and are therefore better than live "
        "ones (ex-post)."
        if manifest["weather_ex_post"]
        else "It uses no perfect-foresight input."
    )
    pooled = manifest["tier"] == Tier.POOLED
    about = (
        f"""Quantile forecasts of the hourly load of any series that comes late: regions, municipalities, a user's own; from the hour after
the newest load, at most {BRIDGE_H} h before the issue, to {AHEAD_H} h after it, tier `{manifest["tier"]}`."""
        if pooled
        else f"""Quantile forecasts of hourly load of {", ".join(manifest["areas"])}, lead times to {HORIZON_H} h, tier `{manifest["tier"]}`."""
    )
    method = "the last four known" if pooled else "the last four"
    heads = "local hour" if pooled else "local hour and\n  price area"
    limits = (
        """Each price area was learned from as a late series beside which the other is known to the hour; no municipality, region or plant was
in the training. The engine learns from each day that becomes known how a series answers in its own way, and how wide its bands must
be: with less than a few months of it, expect larger errors. How it does on the households of Aalborg: `make bench-late`; what series learn
from was chosen with its scores of 2022 and 2023 in view, so these flatter a little."""
        if pooled
        else """Trained on Danish price areas only. Without what it needs a lower tier is used. Quantiles come uncalibrated; the engine corrects them,
and the median, from recent errors. Level shifts (new large consumers) are followed with the delay of the recent-load inputs."""
    )
    return f"""# {manifest["model_id"]}

{about}

* **Needs** {needs["load_days"]} days of load{"" if pooled else f", the newest at most {needs['load_lag_h']} h old"}{", and a temperature forecast" if needs["weather"] else ""}.
* **Method.** Target: log of load over the mean of {method} clean same-weekday hours. Experts: ridge heads per {heads}
  ({", ".join(manifest["experts"][:1])}), and LightGBM on the heads' residual or alone ({", ".join(manifest["experts"][1:])}). The median is the
  mean of {", ".join(manifest["median_of"])}; error size from a further ensemble; standardised out-of-sample error quantiles per lead group.
  One ONNX graph, {size / 1e6:.2f} MB, {len(manifest["features"])} inputs.
* **Trained on** {manifest["rows"]:,} rows ({manifest["rows_with_weather"]:,} with weather), {manifest["trained_from"]} to {manifest["trained_to"]}, with
  {versions}, in {manifest["seconds"]} s.
* **Made worse on purpose.** {regime["late"]:.0%} of the issues have load late by {regime["late_h"][0]} to {regime["late_h"][1]} h more than usual. {weather}
* **Data**, by source in the store. Load: ENTSO-E Transparency (Energinet), Energi Data Service (CC BY 4.0), OPSD (CC BY).
  Weather: DMI open data, Open-Meteo (CC BY 4.0).
{data}
{_links(manifest["harmonised"])}* {foresight}
* **ONNX against Python**: largest relative difference {manifest["onnx_difference"]:.1e} over 20,000 rows, ties and gaps included.

## WAPE in percent on years the model had not seen

Each of the last years forecast by a model fitted to the years before it; all issue hours, troubles included, by lead time.

{_table(["area", *leads], [[area, *(f"{x:.2f}" for x in row.values())] for area, row in scores.items()])}

{"" if pooled else _price_area_tests()}
## Limits

{limits}
"""


def _price_area_tests() -> str:
    return f"""Day-ahead scores of 2022 by bundles trained to the end of 2021: `make bench-accuracy`. Scores of 2022 were looked at {TEST_YEAR_OPENED} times
while this program was made; choices rest on rolling-origin validation over 2020 and 2021 alone.
{_ablation()}"""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


def _links(links: Sequence[Mapping[str, Any]]) -> str:
    if not links:
        return ""
    told = "; ".join(
        f"{link['quantity'].replace('_', ' ')} of {link['source']} on that of {link['preferred']} "
        f"(correlation {link['correlation_before']:.2f}, calibrated {link['correlation']:.2f}, for {link['filled_h']:,} hours)"
        for link in links
    )
    return f"* **One scale of weather**: {told}.\n"


def _ablation() -> str:
    """The ablation table as a section, empty where there is none."""
    if not ABLATION.exists():
        return ""
    found = json.loads(ABLATION.read_text(encoding="utf-8"))
    areas = list(found["changes"][0]["wape"])
    header = ["change", *(f"{area} {what}" for area in areas for what in ("WAPE", "change (95 %)"))]
    rows = []
    for change in found["changes"]:
        cells = [change["name"]]
        for area in areas:
            difference = change["difference_percent"].get(area)
            cells += [
                f"{change['wape'][area]:.2f}",
                "" if difference is None else "{:+.1f} % ({:+.1f} to {:+.1f})".format(*difference),
            ]
        rows.append(cells)
    return f"""
## What each ingredient gives

{found["about"]}

{_table(header, rows)}
"""
