"""What every view of the window is: it shows scenes, asks the database, and asks the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6 import QtCore, QtWidgets

from app.engine_link import Answer, Request
from app.preferences import PLAIN, Preferences
from app.snapshot import EngineStatus, Snapshot
from app.theme import Palette
from engine.access import TIMEOUT_S
from engine.domain import Consumer
from engine.store import Reader


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see at a moment: the snapshot, who is chosen, the engine, and the time, which moves on while a snapshot stays.

    `likes` is how the user likes the window.
    """

    snapshot: Snapshot
    of: Consumer
    engine: EngineStatus
    now: int
    likes: Preferences = PLAIN


@dataclass(frozen=True, slots=True)
class Question:
    """What a view wants to know of the database beyond the snapshot. `read` runs in the feed's thread with its reader and `now`.

    The newest question of a name replaces those before it that were not answered.
    """

    name: str
    read: Callable[[Reader, int], object]


class Asker(QtWidgets.QWidget):
    """A widget that asks: `asked` carries a Question to the database, `told` a Request to the engine.

    Their answers come to `take_found` and `take_answer`.
    """

    asked = QtCore.Signal(object)
    told = QtCore.Signal(object)

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of another theme."""
        raise NotImplementedError

    def take_found(self, name: str, found: object) -> None:
        """Take the answer to a question; an `Expected` where the database could not be read."""

    def take_answer(self, answer: Answer) -> None:
        """Take what the engine made of a request of this widget."""

    def deliver(self, answer: Answer) -> None:
        """Take an answer where the request was of this widget."""
        if answer.request.sender == type(self).__name__:
            self.take_answer(answer)

    def request(
        self,
        path: str,
        words: dict[str, object] | None = None,
        query: dict[str, object] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Ask the engine: an order with `words`, a question with `query`."""
        self.told.emit(Request(type(self).__name__, path, words, query, timeout_s))


class Pane(Asker):
    """A view of the window, made when it is first looked at. Its `actions()` are in the window's menu while it is in front.

    `chosen` carries a Consumer that was chosen in it, `opened` the name of the view to go to, `liked` the preferences that were changed
    in it, by their names.
    """

    chosen = QtCore.Signal(object)
    opened = QtCore.Signal(str)
    liked = QtCore.Signal(object)
    #: Whether it shows the chosen consumer, and waits while that is being read.
    of_consumer = True
    #: Issue time of the forecast it shows; None for the newest.
    as_of: int | None = None
    #: Whether the cards of areas stand beside it.
    has_panel = True
    #: Kinds of events that it tells of itself, so that no notice over it says them again.
    tells: tuple[str, ...] = ()

    def show_scene(self, scene: Scene) -> None:
        """Show what there is to see."""
        raise NotImplementedError

    def prepare(self) -> bool:
        """Make a part that nobody has looked at, so that the first look need not wait; False where none is left."""
        return False
