"""The command line `lastvagt`: shows the window, or writes pictures of it."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6 import QtCore, QtWidgets

from app import remote, single, snapshot, theme, welcome
from app.engine_link import EngineLink, command
from app.feed import Feed
from app.preferences import Preferences
from app.remote import RemoteLink
from app.session import Session, preferred
from app.snapshot import PRICE_AREAS, EngineKind, EngineStatus, Snapshot
from app.theme import Palette
from app.translations import LANGUAGES, Language
from app.window import VIEWS, Window
from engine import __version__, geography, logs, site
from engine.clock import Clock, SimulatedClock, SystemClock, parse_utc
from engine.config import Config, Outside
from engine.domain import Consumer, Expected
from engine.geography import Kind
from engine.lock import AlreadyRuns
from engine.site import Site
from engine.store import Reader

log = logging.getLogger("lastvagt.app")

#: Seconds that a view of a wall display has.
_TURN_S = 30
#: Rounds of events after which every layout is at rest: one that grows moves what stands below it in the next.
_ROUNDS = 4


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lastvagt",
        description="Shows Danish electricity load and its forecast. Starts an engine where none runs, and stops it when closed.",
    )
    parser.add_argument("--version", action="version", version=f"lastvagt {__version__}")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of the database (default: the user's data folder)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    parser.add_argument("--site", type=Path, metavar="FILE", help="settings of the site (default: site.toml of its folder)")
    parser.add_argument("--simulated", action="store_true", help="start the engine with simulated data instead of the network")
    parser.add_argument("--language", choices=LANGUAGES, help="default: as chosen last, else that of the system")
    parser.add_argument("--theme", choices=tuple(theme.PALETTES), help="default: as chosen last, else that of the system")
    parser.add_argument("--area", metavar="AREA", help="show this area first, by its code or name: DK1, 1082, Aalborg")
    parser.add_argument(
        "--type", metavar="TYPE", help="and of it this consumer type: household, business, public or one of your own"
    )
    parser.add_argument("--size", metavar="WxH", help="size of the window (default: as left last, else 1280x800)")
    parser.add_argument(
        "--wall",
        nargs="?",
        const="overview",
        metavar="VIEWS",
        help="be a wall display until Esc is pressed; of several views with commas between them each has its turn",
    )
    parser.add_argument("--turn", type=int, metavar="S", help=f"seconds of a turn (default: {_TURN_S})")
    parser.add_argument(
        "--connect", metavar="URL", help="show what the engine of another machine knows, as https://lastvagt.example.org:8787"
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="the token that lets us in there; lastvagt-engine token new makes one"
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificate of an authority of your own, as PEM")
    parser.add_argument("--no-engine", action="store_true", help="start no engine")
    parser.add_argument("--now", metavar="TIME", help="show the database as if it were this time, with its zone, standing still")
    parser.add_argument(
        "--screenshot", type=Path, metavar="DIR", help="write each view as PNG and exit; needs no display and starts no engine"
    )
    parser.add_argument("--until-painted", action="store_true", help=argparse.SUPPRESS)  # how long a start takes
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the app; 0 when closed, 2 when a setting is wrong."""
    options = _parser().parse_args(arguments)
    if options.site:  # the engine must find it too
        os.environ[site.VARIABLE] = str(options.site.resolve())
    if options.screenshot and sys.platform.startswith("linux") and not _has_display():
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    kept = Preferences.read(Preferences.file())
    try:
        greets = _as_the_site_wants(options, kept, Outside(environment=os.environ).site())
        free = (
            options.data_dir is None
            and options.connect is None
            and not options.simulated
            and "LASTVAGT_DATA_DIR" not in os.environ
        )
        if free and kept.data_dir:
            options.data_dir = Path(kept.data_dir)
        config = Config.load(options.config, data_dir=options.data_dir, simulated=options.simulated or None)
        elsewhere = remote.endpoint(options.connect, options.token_file, options.ca) if options.connect else None
        if elsewhere is not None:
            config = dataclasses.replace(config, data_dir=options.data_dir or remote.folder(elsewhere.url))
        if elsewhere is not None and options.screenshot:
            remote.Copy(elsewhere, config.database).renew()
        clock: Clock = SimulatedClock(parse_utc(options.now)) if options.now else SystemClock()
        size = _size(options.size or "1280x800")
        turn_s = _TURN_S if options.turn is None else options.turn
        turns = _turns(options.wall, turn_s)
    except Expected as wrong:
        return _refuse(wrong, options)
    running = QtWidgets.QApplication.instance()
    application = running if isinstance(running, QtWidgets.QApplication) else QtWidgets.QApplication(sys.argv[:1])
    application.setApplicationName("Lastvagt")
    application.setDesktopFileName("dk.lastvagt.Lastvagt")  # by which Wayland finds the icon
    of = _consumer(options.area, options.type) if options.area else None
    if options.screenshot:
        language = Language(options.language) if options.language else Language.of_system()
        palette = theme.PALETTES[options.theme] if options.theme else theme.of_system()
        theme.apply(application, palette)
        window = Window(language, palette, clock)
        window.resize(size)
        window.choose_consumer(of or PRICE_AREAS[0])
        return _take_pictures(window, config, clock, palette, language, options.screenshot)
    if free and greets and not (turns or kept.welcomed or options.no_engine or config.database.exists()):
        config, kept = _welcome(options, config, kept)
    # A wall display stands beside the window of a desk.
    several = turns or options.now or options.until_painted
    try:
        with contextlib.nullcontext() if several else single.alone(config.data_dir, Preferences.file().parent) as calls:
            feed = Feed(config.database, clock)
            link = (
                RemoteLink(elsewhere, config.database, clock)
                if elsewhere is not None
                else EngineLink(_engine_options(options), clock, not options.no_engine, data_dir=config.data_dir)
            )
            session = Session(application, kept, preferred(kept, options.language, options.theme, of), feed, link, clock)
            if calls is not None:
                calls.came.connect(lambda: session.window.come_back())
            if options.size or not kept.geometry:
                session.window.resize(size)
            if options.until_painted:
                session.feed.arrived.connect(_Measured(session).end)
            return _run(application, session, config, turns, turn_s)
    except AlreadyRuns:
        if sys.stderr is not None:
            print("lastvagt: its window is open already, and in front now.", file=sys.stderr)
        return 0


def _as_the_site_wants(options: argparse.Namespace, kept: Preferences, of: Site | None) -> bool:
    """Take from the site what neither the command line nor the user has said; returns whether a first start asks its questions."""
    words = {} if of is None else dict(of.app)
    for name, choices in (("language", LANGUAGES), ("theme", theme.PALETTES)):
        if name in words and words[name] not in choices:
            assert of is not None
            raise site.wrong(of.path, name, words[name])
        if not getattr(kept, name):
            setattr(options, name, getattr(options, name) or words.get(name))
    if options.data_dir is None and not options.simulated and options.connect is None and "connect" in words:
        options.connect = words["connect"]
        for name in ("token_file", "ca"):
            path = Path(words[name]).expanduser() if name in words else None
            setattr(options, name, getattr(options, name) or path)
    for name in ("wall", "turn"):
        if getattr(options, name) is None:
            setattr(options, name, words.get(name))
    return bool(words.get("welcome", True))


def _refuse(wrong: Expected, options: argparse.Namespace) -> int:
    """Tell why the window does not open, in a window where there is no terminal to tell it."""
    heard = sys.stderr is not None
    if heard:
        print(f"lastvagt: {wrong}", file=sys.stderr)
    seen = os.environ.get("QT_QPA_PLATFORM") != "offscreen" and (not sys.platform.startswith("linux") or _has_display())
    if seen and not options.screenshot and not (heard and sys.stderr.isatty()):
        application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(sys.argv[:1])
        application.setApplicationName("Lastvagt")
        QtWidgets.QMessageBox.critical(None, "Lastvagt", f"{wrong.problem}\n\n{wrong.remedy}")
    return 2


def _welcome(options: argparse.Namespace, config: Config, kept: Preferences) -> tuple[Config, Preferences]:
    """Ask what a first start must know, and keep it."""
    language = Language(options.language) if options.language else Language.of_system()
    choices = welcome.ask(language, config.data_dir, command())
    options.data_dir, options.simulated = choices.data_dir, choices.simulated
    liked = {"language": choices.language, "theme": choices.theme, "area": choices.area, "consumer_type": "total"}
    kept = dataclasses.replace(kept, **liked, data_dir=str(choices.data_dir), welcomed=True)
    try:
        kept.write(Preferences.file())
    except OSError as error:
        log.warning("What was chosen could not be kept: %s", error)
    return Config.load(options.config, data_dir=choices.data_dir, simulated=choices.simulated or None), kept


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _size(text: str) -> QtCore.QSize:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise Expected(f"'{text}' is no size.", "Write it like 1280x800.")
    return QtCore.QSize(int(width), int(height))


def _consumer(area: str, consumer_type: str | None) -> Consumer:
    """Who is shown first. Of a municipality households are metered and nothing else, so that they need not be named."""
    code = geography.meant_by(area) or area
    usual = "household" if geography.kind(code) is Kind.MUNICIPALITY else "total"
    return Consumer(code, consumer_type or usual)


def _engine_options(options: argparse.Namespace) -> list[str]:
    """What the engine must be told so that it works on the same folder with the same settings."""
    told = [("--data-dir", options.data_dir), ("--config", options.config)]
    paths = [part for name, path in told if path for part in (name, str(path.resolve()))]
    return [*paths, *(["--simulated"] if options.simulated else [])]


def _turns(views: str | None, turn_s: int) -> tuple[str, ...]:
    """The views of a wall display, which take turns; none where it is not to be one."""
    wanted = () if views is None else tuple(view.strip() for view in views.split(","))
    for view in wanted:
        if view not in VIEWS:
            raise Expected(f"'{view}' is no view.", f"Choose of {', '.join(VIEWS)}.")
    if turn_s < 1:
        raise Expected(f"A turn cannot last {turn_s} seconds.", "Give whole seconds, 1 at least.")
    return wanted


def _run(application: QtWidgets.QApplication, session: Session, config: Config, turns: tuple[str, ...], turn_s: int) -> int:
    bugs = _Bugs(config.data_dir / "app.log", session)
    sys.excepthook = bugs.hook
    for name in (signal.SIGINT, signal.SIGTERM):  # the engine must end with us, however we end
        # From Qt's loop, for one that ends before it began goes on for ever.
        signal.signal(name, lambda *_: QtCore.QTimer.singleShot(0, lambda: session.window.quit()))
    # Python hears a signal only when it runs, which Qt's loop gives it a reason for twice a second.
    pulse = QtCore.QTimer(application)
    pulse.timeout.connect(lambda: None)
    pulse.start(500)
    session.ended.connect(lambda: application.exit())  # by itself Qt goes on where the window was minimised
    session.start()
    if turns:
        session.window.hang(turns, turn_s)
    return application.exec()


class _Measured(QtCore.QObject):
    """Tells when what was read first stands on the screen, and ends the app."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session

    @QtCore.Slot()
    def end(self) -> None:
        """Take part in the arrival of a snapshot, after the window has."""
        QtWidgets.QApplication.processEvents()
        print("painted", flush=True)
        self._session.window.quit()


class _Bugs(QtCore.QObject):
    """Faults of ours, from any thread: the traceback goes to a log, a line to the window, and the rest goes on."""

    happened = QtCore.Signal(str)

    def __init__(self, path: Path, session: Session) -> None:
        super().__init__()
        self._path = path
        logs.log_to(path, log)
        self._session = session
        self.happened.connect(self._tell)

    def _tell(self, path: str) -> None:
        text = self._session.language.text
        self._session.window.show_trouble("bug", text("window.bug", log=path), text("window.restart"))

    def hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Takes the place of `sys.excepthook`."""
        traceback.print_exception(kind, error, trace)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        log.error("unexpected", exc_info=(kind, error, trace))
        self.happened.emit(str(self._path))


def _take_pictures(window: Window, config: Config, clock: Clock, palette: Palette, language: Language, folder: Path) -> int:
    """Write each view of what the database holds now, and name the files."""
    with contextlib.ExitStack() as resources:
        try:
            reader = Reader(config.database)
            resources.callback(reader.close)
            shown = snapshot.read(reader, clock.now(), window.chosen)
            window.asked.connect(lambda question: window.show_found(question.name, question.read(reader, clock.now())))
        except Expected as fault:
            shown = Snapshot(read_at=clock.now(), fault=fault, no_database=not config.database.exists())
        return _write_pictures(window, shown, palette, language, folder)


def _write_pictures(window: Window, shown: Snapshot, palette: Palette, language: Language, folder: Path) -> int:
    # Without a display Qt notes at each window that it cannot tell a window manager its size.
    QtCore.qInstallMessageHandler(
        lambda _kind, _context, text: None if "propagateSizeHints" in text else print(text, file=sys.stderr)
    )
    window.show_engine(EngineStatus(EngineKind.ABSENT))
    window.setAttribute(QtCore.Qt.WidgetAttribute.WA_DontShowOnScreen)
    window.show()
    folder.mkdir(parents=True, exist_ok=True)
    for view in VIEWS:
        window.choose_view(view)
        window.show_snapshot(shown)
        for _ in range(_ROUNDS):
            QtWidgets.QApplication.processEvents()
        path = folder / f"{view}-{palette.name}-{language.code}-{window.width()}x{window.height()}.png"
        if not window.grab().save(str(path)):
            print(f"lastvagt: {path} could not be written.", file=sys.stderr)
            return 1
        print(path)
    window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
