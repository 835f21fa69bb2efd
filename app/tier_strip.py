"""A row of days: how the forecasts of each were made."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from app import theme
from app.present import TierDay, TierStrip
from app.theme import Palette
from engine.domain import Tier

#: Colour and sign of the tiers, best first; a sign goes with each colour.
_SIGNS = {Tier.NO_WEATHER: "▲", Tier.SEASONAL: "■", Tier.CLIMATOLOGY: "■"}


class TierStripItem(QtWidgets.QWidget):
    """The days of an area as bars; a day whose forecasts lacked something bears a sign. Words of a day are its tool tip."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self._days: tuple[TierDay, ...] = ()
        self.setMinimumHeight(30)
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
        return QtCore.QRectF(at * width + 1, 2, width - 2, self.height() - 4)

    def event(self, event: QtCore.QEvent) -> bool:
        """Tell a day's words where the mouse rests."""
        if isinstance(event, QtGui.QHelpEvent) and self._days:
            at = min(len(self._days) - 1, max(0, event.pos().x() * len(self._days) // max(1, self.width())))
            QtWidgets.QToolTip.showText(event.globalPos(), self._days[at].words, self)
            return True
        return super().event(event)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the days."""
        colours = {Tier.NO_WEATHER: self._palette.late, Tier.SEASONAL: self._palette.stale, Tier.CLIMATOLOGY: self._palette.stale}
        with QtGui.QPainter(self) as painter:
            painter.setFont(theme.font(0.75))
            for at, day in enumerate(self._days):
                frame = self._frame(at)
                painter.fillRect(frame, QtGui.QColor(self._palette.grid))
                if day.worst is None:
                    continue
                filled = QtCore.QRectF(frame)
                filled.setTop(frame.bottom() - day.full * frame.height())
                painter.fillRect(filled, QtGui.QColor(self._palette.bar))
                if day.worst in colours:
                    odd = QtCore.QRectF(frame.left(), frame.top(), frame.width(), frame.height() - filled.height())
                    painter.fillRect(odd, QtGui.QColor(colours[day.worst]))
                    painter.setPen(QtGui.QColor(self._palette.surface))
                    painter.drawText(
                        frame, QtCore.Qt.AlignmentFlag.AlignHCenter | QtCore.Qt.AlignmentFlag.AlignTop, _SIGNS[day.worst]
                    )
