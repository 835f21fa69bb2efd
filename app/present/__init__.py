"""From a Snapshot to what the views draw: numpy arrays and finished strings, in one language, without Qt."""

from app.present.areas import AreaRow, area_rows
from app.present.calibration import CalibrationView, Coverage, Weight, calibration_view
from app.present.forecast import Band, ForecastView, ReadOut, SourceAge, forecast_view, read_out
from app.present.frame import Empty, Notice, engine_line, notices
from app.present.monitoring import Comparison, MonitorView, ScoreLine, monitor_view

__all__ = [
    "AreaRow",
    "Band",
    "CalibrationView",
    "Comparison",
    "Coverage",
    "Empty",
    "ForecastView",
    "MonitorView",
    "Notice",
    "ReadOut",
    "ScoreLine",
    "SourceAge",
    "Weight",
    "area_rows",
    "calibration_view",
    "engine_line",
    "forecast_view",
    "monitor_view",
    "notices",
    "read_out",
]
