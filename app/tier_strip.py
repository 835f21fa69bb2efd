"""A row of days: how the forecasts of each were made."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.present import TierDay, TierStrip
from app.theme import Palette
from engine.domain import Tier

#: What stands over a day on which something was missing; colour is never the only cue.
_SIGNS = {Tier.NO_WEATHER: "▲", Tier.SEASONAL: "■", Tier.CLIMATOLOGY: "■"}
#: Pixels over the bars that the signs stand in.
_HEAD = 11


class TierStripItem(QtWidgets.QWidget):
    """The days of an area as bars; a day whose forecasts lacked something bears a sign. Words of a day are its tool tip."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._days: tuple[TierDay, ...] = ()
        self.setMinimumHeight(36)
        self.setMinimumWidth(200)

    def set_palette(self, palette: Palette) -> None:
        """Take new colours."""
        self._palette = palette
        self.update()

    def show_strip(self, strip: TierStrip) -> None:
        """Show the days of an area."""
        self._days = strip.days
        self.setAccessibleName(strip.name)
        self.setAccessibleDescription(strip.summary)
        self.update()

    def _frame(self, at: int) -> QtCore.QRectF:
        width = self.width() / max(1, len(self._days))
        return QtCore.QRectF(at * width + 1, _HEAD, width - 2, self.height() - _HEAD)

    def event(self, event: QtCore.QEvent) -> bool:
        """Tell a day's words where the mouse rests."""
        if isinstance(event, QtGui.QHelpEvent) and self._days:
            at = min(len(self._days) - 1, max(0, event.pos().x() * len(self._days) // max(1, self.width())))
            QtWidgets.QToolTip.showText(event.globalPos(), self._days[at].words, self)
            return True
        return super().event(event)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the days: hours with the full model from the foot, those with less on them, and a sign where not all is well."""
        p = self._palette
        colours = {Tier.NO_WEATHER: p.late, Tier.SEASONAL: p.stale, Tier.CLIMATOLOGY: p.stale}
        with QtGui.QPainter(self) as painter:
            painter.setFont(theme.font(0.75))
            for at, day in enumerate(self._days):
                frame = self._frame(at)
                painter.fillRect(frame, QtGui.QColor(p.grid))
                odd = colours.get(day.worst, p.quiet) if day.worst is not None else p.quiet
                foot = frame.bottom()
                for share, colour in ((day.full, p.bar), (day.lower, odd)):
                    height = max(share * frame.height(), 3.0 if share else 0.0)
                    painter.fillRect(QtCore.QRectF(frame.left(), foot - height, frame.width(), height), QtGui.QColor(colour))
                    foot -= height
                if sign := _SIGNS.get(day.worst, "") if day.lower and day.worst else "○" if day.missing else "":
                    painter.setPen(QtGui.QColor(odd))
                    head = QtCore.QRectF(frame.left() - 4, 0, frame.width() + 8, _HEAD)
                    painter.drawText(head, QtCore.Qt.AlignmentFlag.AlignCenter, sign)
