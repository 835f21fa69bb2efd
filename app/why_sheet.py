"""The inspector's page of reasons: what the forecast of an hour is made of, and what changed it since an earlier issue."""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets

from app import theme
from app.choice_box import ChoiceBox
from app.engine_link import Answer
from app.pane import Scene
from app.present import ForecastView, changes_view, usual_curve, why_view
from app.sheet import Overlay, Sheet
from app.snapshot import EngineKind
from app.theme import Palette
from app.translations import Language
from app.waterfall import Waterfall
from engine import clock
from engine.domain import DAY, HOUR

_EXPLAIN, _CHANGES = "/v1/explain", "/v1/explain/changes"
#: Which earlier issue can be chosen: the one before, or the newest that was made so long before.
_EARLIER_S = (0, 6 * HOUR, DAY)


class WhySheet(Sheet):
    """Two waterfalls. The engine is asked once for all hours of an issue, so that other hours are told at once."""

    def __init__(self, language: Language, palette: Palette) -> None:
        super().__init__()
        self._language = language
        self._seen: tuple[Scene, ForecastView, int] | None = None
        self._issue: tuple[object, ...] = ()
        self._queries: dict[str, dict[str, object]] = {}
        self._answers: dict[str, Answer] = {}
        text = language.text
        self._title, self._state, self._note = theme.label(0.95, bold=True), theme.label(0.95), theme.label(0.92, role="late")
        self._changed, self._inputs = theme.label(0.95, bold=True), theme.label(0.92, role="quiet")
        self._trouble = theme.label(0.95)
        for label in (self._title, self._state, self._note, self._changed, self._inputs, self._trouble):
            label.setWordWrap(True)
        self.parts = Waterfall(text("why.table"), palette)
        self.causes = Waterfall(text("why.changes_table"), palette)
        self.earlier = ChoiceBox(text("why.since"))
        self.earlier.setFont(theme.font(0.95))
        self.earlier.addItems([text("why.since_previous"), text("why.since_hours", hours=6), text("why.since_day")])
        self.earlier.currentIndexChanged.connect(self._ask_changes)
        since = QtWidgets.QHBoxLayout()
        since.addWidget(theme.label(0.95, bold=True, text=text("why.since")))
        since.addWidget(self.earlier, 1)
        rule = QtWidgets.QFrame()
        rule.setProperty("role", "rule")
        rule.setFixedHeight(1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 0)
        column.setSpacing(5)
        for widget in (self._title, self._state, self.parts, self._note):
            column.addWidget(widget)
        column.addSpacing(4)
        column.addWidget(rule)
        column.addSpacing(2)
        column.addLayout(since)
        for widget in (self._changed, self._trouble, self.causes, self._inputs):
            column.addWidget(widget)
        column.addStretch(1)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of another theme."""
        self.parts.set_palette(palette)
        self.causes.set_palette(palette)

    def show_hour(self, scene: Scene, view: ForecastView, hour: int) -> None:
        """Tell of an hour; an issue that was not asked about is."""
        self._seen = scene, view, hour
        # What operators decide changes what is published, and the issue stays.
        issue = (view.of, view.issue_time, view.median.tobytes(), scene.engine.kind)
        if issue != self._issue:
            self._issue = issue
            self._answers.clear()
            self._draw()
            if len(view.median) and scene.engine.kind is not EngineKind.ABSENT:
                self._ask(_EXPLAIN, {})
                self._ask_changes()
        self._tell()

    def take_answer(self, answer: Answer) -> None:
        """Take an answer, unless another was asked for since."""
        if answer.request.query == self._queries.get(answer.request.path):
            self._answers[answer.request.path] = answer
            self._draw()
            self._tell()

    def _ask(self, path: str, words: dict[str, object]) -> None:
        if self._seen is None:
            return
        view = self._seen[1]
        self._answers.pop(path, None)
        issued = clock.iso(int(view.issue_time))
        self._queries[path] = {"area": view.of.area, "consumer_type": view.of.consumer_type, "issue_time": issued, **words}
        self.request(path, query=self._queries[path])

    def _ask_changes(self) -> None:
        """Ask about the earlier issue that is chosen."""
        if self._seen is not None and len(self._seen[1].median):
            back = _EARLIER_S[self.earlier.currentIndex()]
            before = {"before": clock.iso(int(self._seen[1].issue_time) - back)} if back else {}
            self._ask(_CHANGES, before)
            self._tell()

    def _draw(self) -> None:
        """Lay the curve of usual hours over the chart."""
        answer = self._answers.get(_EXPLAIN)
        if answer is None or answer.refusal is not None or self._seen is None:
            self.drawn.emit(None)
            return
        curve = usual_curve(answer.document, self._seen[1].scale)
        self.drawn.emit(Overlay(*curve, self._language.text("why.usual_curve"), "ghost"))

    def _tell(self) -> None:
        if self._seen is None:
            return
        scene, view, hour = self._seen
        document = self._document(_EXPLAIN, self._state)
        why = why_view(document, hour, view.scale, self._language) if document else None
        if document and why is None:
            self._state.setText(self._language.text("why.outside"))
        self._state.setVisible(why is None)
        for widget in (self.parts, self._title):
            widget.setVisible(why is not None)
        self._note.setVisible(why is not None and bool(why.note))
        if why is not None:
            self._title.setText(why.summary)
            self.parts.show_steps(why.steps, why.summary)
            self._note.setText(why.note)
        document = self._document(_CHANGES, self._trouble)
        changes = changes_view(document, hour, view.scale, self._language, scene.now) if document else None
        if document and changes is None:
            self._trouble.setText(self._language.text("why.outside_before"))
        self._trouble.setVisible(changes is None and why is not None)
        for widget in (self.causes, self._changed, self._inputs):
            widget.setVisible(changes is not None)
        if changes is not None:
            self.causes.show_steps(changes.steps, changes.summary)
            self._changed.setText(changes.summary)
            self._inputs.setText("\n".join(changes.inputs))

    def _document(self, path: str, state: QtWidgets.QLabel) -> Any:
        """What the engine has sent; None, and the reason in `state`, where it has sent nothing."""
        answer = self._answers.get(path)
        if answer is not None and answer.refusal is None:
            return answer.document
        assert self._seen is not None
        scene, view, _ = self._seen
        if not len(view.median):
            state.setText(self._language.text("why.no_issue"))
        elif answer is not None and answer.refusal is not None:
            state.setText(f"{answer.refusal.problem} {answer.refusal.remedy}")
        elif scene.engine.kind is EngineKind.ABSENT:
            state.setText(self._language.text("why.no_engine"))
        else:
            state.setText(self._language.text("why.asking"))
        return None
