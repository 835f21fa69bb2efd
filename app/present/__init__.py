"""From a Snapshot to what the views draw: numpy arrays and finished strings, in one language, without Qt."""

from app.present.areas import AreaRow, area_rows
from app.present.calibration import CalibrationView, Coverage, Weight, calibration_view
from app.present.forecast import Band, ForecastView, ReadOut, SourceAge, forecast_view, read_out
from app.present.frame import Empty, Notice, engine_line, notices
from app.present.models import DECISIONS, Decision, ModelLine, ModelsView, Trial, change_text, models_view
from app.present.monitoring import Comparison, MonitorView, ScoreLine, monitor_view

__all__ = [
    "DECISIONS",
    "AreaRow",
    "Band",
    "CalibrationView",
    "Comparison",
    "Coverage",
    "Decision",
    "Empty",
    "ForecastView",
    "ModelLine",
    "ModelsView",
    "MonitorView",
    "Notice",
    "ReadOut",
    "ScoreLine",
    "SourceAge",
    "Trial",
    "Weight",
    "area_rows",
    "calibration_view",
    "change_text",
    "engine_line",
    "forecast_view",
    "models_view",
    "monitor_view",
    "notices",
    "read_out",
]
