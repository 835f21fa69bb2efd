"""From a Snapshot to what the views draw: numpy arrays and finished strings, in one language, without Qt."""

from app.present.adjusting import AdjustmentLine, AdjustView, Preview, Sketch, adjust_view, made_text, preview
from app.present.areas import AreaRow, area_rows
from app.present.backups import BackupLine, backup_lines, loss_text, unrestorable
from app.present.calibration import CalibrationView, Coverage, Weight, calibration_view
from app.present.cell import Cell
from app.present.chooser import Group, choices, find
from app.present.day_report import DayReport, ReportFacts, day_report, report_facts
from app.present.finding import ranked
from app.present.forecast import Band, ForecastView, Part, ReadOut, Stretch, forecast_view, read_out, time_range, value_range
from app.present.frame import Empty, closed, engine_line
from app.present.health import HealthLine, HealthView, TierDay, TierStrip, health_view
from app.present.heat import Behind, HeatMap, HourLine, behind, heat_map
from app.present.hour import HourRow, hour_rows
from app.present.kits import kit_taken, kits_view, unimportable
from app.present.lateness import SourceAge, source_ages
from app.present.map import (
    Legend,
    MapChoice,
    MapFrame,
    MapReadOut,
    MapView,
    Origin,
    Run,
    Shade,
    first_choice,
    map_frame,
    map_read_out,
    map_view,
)
from app.present.models import DECISIONS, Decision, ModelLine, ModelsView, Trial, change_text, models_view
from app.present.monitoring import Comparison, MonitorView, ScoreLine, monitor_view
from app.present.notices import Notice, history, notices, on_shelf, shelf_times
from app.present.overview import OverviewView, Strip, Tile, overview_view
from app.present.past import as_known, hours_ahead, stored_days, surrounded, widened
from app.present.promises import LevelLine, PromiseView, promise_view
from app.present.provenance import provenance
from app.present.quality import Card, DayChart, Line, QualityView, lag_days, quality_view
from app.present.quarantine import SetAsideLine, judged_text, set_aside_lines, undecidable
from app.present.settings import Field, Section, settings_view, wrong
from app.present.similar import SimilarRow, similar_rows
from app.present.situation import Situation
from app.present.updates import UpdateNews, update_news
from app.present.weather import WeatherRow, WeatherView, weather_at, weather_view
from app.present.whatif import WhatIfRow, WhatIfView, Wish, what_if_view
from app.present.why import ChangesView, Step, WhyView, changes_view, usual_curve, why_view

__all__ = [
    "DECISIONS",
    "AdjustView",
    "AdjustmentLine",
    "AreaRow",
    "BackupLine",
    "Band",
    "Behind",
    "CalibrationView",
    "Card",
    "Cell",
    "ChangesView",
    "Comparison",
    "Coverage",
    "DayChart",
    "DayReport",
    "Decision",
    "Empty",
    "Field",
    "ForecastView",
    "Group",
    "HealthLine",
    "HealthView",
    "HeatMap",
    "HourLine",
    "HourRow",
    "Legend",
    "LevelLine",
    "Line",
    "MapChoice",
    "MapFrame",
    "MapReadOut",
    "MapView",
    "ModelLine",
    "ModelsView",
    "MonitorView",
    "Notice",
    "Origin",
    "OverviewView",
    "Part",
    "Preview",
    "PromiseView",
    "QualityView",
    "ReadOut",
    "ReportFacts",
    "Run",
    "ScoreLine",
    "Section",
    "SetAsideLine",
    "Shade",
    "SimilarRow",
    "Situation",
    "Sketch",
    "SourceAge",
    "Step",
    "Stretch",
    "Strip",
    "TierDay",
    "TierStrip",
    "Tile",
    "Trial",
    "UpdateNews",
    "WeatherRow",
    "WeatherView",
    "Weight",
    "WhatIfRow",
    "WhatIfView",
    "WhyView",
    "Wish",
    "adjust_view",
    "area_rows",
    "as_known",
    "backup_lines",
    "behind",
    "calibration_view",
    "change_text",
    "changes_view",
    "choices",
    "closed",
    "day_report",
    "engine_line",
    "find",
    "first_choice",
    "forecast_view",
    "health_view",
    "heat_map",
    "history",
    "hour_rows",
    "hours_ahead",
    "judged_text",
    "kit_taken",
    "kits_view",
    "lag_days",
    "loss_text",
    "made_text",
    "map_frame",
    "map_read_out",
    "map_view",
    "models_view",
    "monitor_view",
    "notices",
    "on_shelf",
    "overview_view",
    "preview",
    "promise_view",
    "provenance",
    "quality_view",
    "ranked",
    "read_out",
    "report_facts",
    "set_aside_lines",
    "settings_view",
    "shelf_times",
    "similar_rows",
    "source_ages",
    "stored_days",
    "surrounded",
    "time_range",
    "undecidable",
    "unimportable",
    "unrestorable",
    "update_news",
    "usual_curve",
    "value_range",
    "weather_at",
    "weather_view",
    "what_if_view",
    "why_view",
    "widened",
    "wrong",
]
