import copy
import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import sources
from engine.clock import SimulatedClock, parse_utc
from engine.config import Config
from engine.domain import DAY, HOUR, Expected
from engine.sources import energi_data_service, entsoe, metered, open_meteo
from engine.sources.fetch import Request
from engine.sources.simulated import SimulatedUpstream

DATA = Path(__file__).parent / "data"
CONFIG = Config(entsoe_token="any")
NOW = parse_utc("2026-10-24T21:30Z")
PARSERS: list[sources.Source] = [
    energi_data_service.GenerationProdTypeExchange(CONFIG),
    energi_data_service.ForecastsHour(CONFIG),
    energi_data_service.DayAheadPrices(CONFIG),
    energi_data_service.Elspotprices(CONFIG),
    open_meteo.Forecast(CONFIG),
    open_meteo.PreviousRuns(CONFIG),
    open_meteo.Reanalysis(CONFIG),
    entsoe.DayAheadLoadForecast(CONFIG),
    metered.ProductionConsumptionSettlement(CONFIG),
    metered.ConsumptionConsumerCategoryHour(CONFIG),
    metered.PrivateConsumptionHeatingHour(CONFIG),
    metered.ConsumptionDK3619IndustryHour(CONFIG),
    metered.ConsumptionGridAreaHour(CONFIG),
]
#: What stands in the place of a thing of another type; null is how providers say that there is no value.
STRANGE = (None, "12.5", 12.5, True, [], [1.0], {}, {"a": 1})
#: Whose values are made of several.
ADDED = (open_meteo.Forecast, open_meteo.PreviousRuns, open_meteo.Reanalysis, metered.Metered)
Values = dict[tuple[str, str, str, int, int], float]


def question(source: sources.Source) -> Request:
    """A question of a source about one day of the past, or of now where it knows no past."""
    if not hasattr(source, "history_requests"):
        return source.requests(NOW, NOW - 2 * HOUR)[0]
    ended = ("energidataservice/Elspotprices", "open-meteo/archive")
    end = parse_utc("2023-05-03" if source.dataset in ended else "2026-10-04")
    return source.history_requests(end - DAY, end)[0]


def values(source: sources.Source, request: Request, body: bytes, now: int = NOW) -> Values:
    """What a parser reads, by series, hour and when it became known; raises Expected, and nothing else."""
    return {
        (b.series.quantity, b.series.area, b.series.consumer_type, t, known): x
        for b in source.parse(request, body, now)
        for t, known, x in zip(b.valid_time.tolist(), b.available_at.tolist(), b.value.tolist(), strict=True)
    }


@pytest.fixture(scope="module")
def recorded() -> list[tuple[sources.Source, Request, bytes]]:
    """A true answer of every parser, of tables the first rows."""
    upstream = SimulatedUpstream(SimulatedClock(NOW))
    asked = [(source, question(source)) for source in PARSERS]
    return [(source, request, first_rows(upstream.send(request, 1.0).body)) for source, request in asked]


def first_rows(body: bytes) -> bytes:
    """A short answer."""
    if not body.startswith(b"{"):
        return body
    envelope = json.loads(body)
    records = envelope["records"][:48]
    return json.dumps({**envelope, "total": len(records), "records": records}).encode()


def places(tree: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Paths to all things in a JSON tree; of lists the first and the last."""
    if path:
        yield path
    if isinstance(tree, dict):
        for key in tree:
            yield from places(tree[key], (*path, key))
    elif isinstance(tree, list):
        for at in sorted({0, len(tree) - 1} & set(range(len(tree)))):
            yield from places(tree[at], (*path, at))


def changed(tree: object, path: tuple[object, ...], change: Callable[[object, object], None]) -> bytes:
    """The tree with what `change(container, key)` does to one place."""
    tree = copy.deepcopy(tree)
    container = tree
    for key in path[:-1]:
        container = container[key]
    change(container, path[-1])
    return json.dumps(tree).encode()


def drifts(body: bytes) -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    """The answer with each key away, under another name and with a value of every other type; and whether that was null."""
    if body.startswith(b"<"):
        for tag in sorted(set(re.findall(rb"<([\w.]+)", body))):
            name = re.escape(tag)
            for what, pattern, put in (
                ("renamed", rb"(</?)" + name + rb"(?=[\s>])", rb"\1renamed"),
                ("emptied", rb"(<" + name + rb">)[^<]*", rb"\1"),
                ("a word", rb"(<" + name + rb">)[^<]+", rb"\1word"),
            ):
                yield f"{tag!r} {what}", functools.partial(re.sub, pattern, put, body), False
        return
    tree = json.loads(body)
    for path in places(tree):
        change = functools.partial(changed, tree, path)
        yield f"{path} away", functools.partial(change, lambda container, key: container.pop(key)), False
        if isinstance(path[-1], str):
            yield f"{path} renamed", functools.partial(change, lambda c, key: c.update({f"{key}X": c.pop(key)})), False
        old = functools.reduce(lambda inner, key: inner[key], path, tree)
        for value in (value for value in STRANGE if type(value) is not type(old)):
            yield f"{path} = {value!r}", functools.partial(change, lambda c, key, v=value: c.__setitem__(key, v)), value is None


def meet_drifts(
    recorded: list[tuple[sources.Source, Request, bytes]], step: int, gate: Callable[[str], None] | None = None
) -> None:
    """Let every parser read every `step`th changed answer: it names what is wrong, or reads what it read before and nothing else."""
    count = told = same = 0
    silent = []
    for source, request, body in recorded:
        true = values(source, request, body)
        assert true, source.dataset
        for what, make, is_null in itertools.islice(drifts(body), 0, None, step):
            count += 1
            try:
                read = values(source, request, make())
            except Expected as problem:
                told += source.dataset in problem.problem
                continue
            # A point of the weather without a value leaves the mean to the others, and so does a meter the sum.
            wrong = [] if is_null and isinstance(source, ADDED) else [x for key, x in read.items() if true.get(key) != x]
            lost = not is_null and len(read) < len(true)
            same += not wrong and not lost
            if wrong or lost:
                silent.append(f"{source.dataset}: {what}: {len(true) - len(read)} lost, {wrong[:2]}")
    if gate:
        gate(
            f"{count:,} changes of {len(recorded)} answers: {told:,} told by name, {same:,} change no value, {len(silent)} are silent"
        )
    assert not silent, "\n".join(silent[:20])
    assert told + same == count


def test_a_change_of_a_key_or_type_is_told_or_changes_no_value(recorded: list[tuple[sources.Source, Request, bytes]]) -> None:
    meet_drifts(recorded, 83)


@pytest.mark.long
@pytest.mark.gate(
    "E8", "Changed interfaces of the sources", target="Every key and type changed: told by name, or no value differs"
)
def test_a_change_of_any_key_or_type_is_told_or_changes_no_value(
    recorded: list[tuple[sources.Source, Request, bytes]], gate: Callable[[str], None]
) -> None:
    meet_drifts(recorded, 1, gate)


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2026-10-24T20:00:00", "DK1"])
)
NESTED = PLAIN | st.lists(PLAIN, max_size=6) | st.dictionaries(st.text(max_size=10), PLAIN, max_size=6)
JSON = PLAIN | st.lists(NESTED, max_size=6) | st.dictionaries(st.text(max_size=10), NESTED, max_size=6)


@st.composite
def bodies(draw: st.DrawFn, true: bytes) -> bytes:
    """Bytes of any kind, JSON of any kind, and true answers that were cut, doubled and overwritten."""
    match draw(st.integers(0, 3)):
        case 0:
            return draw(st.binary(max_size=200))
        case 1:
            return json.dumps(draw(JSON)).encode()
        case 2:
            rows = draw(st.lists(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6), max_size=5))
            return json.dumps({"total": len(rows), "records": rows, "hourly": draw(JSON)}).encode()
    spoilt = bytearray(true)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(spoilt)))
        to = min(len(spoilt), at + draw(st.integers(0, 40)))
        spoilt[at:to] = draw(
            st.binary(max_size=12) | st.sampled_from([b"null", b"NaN", b"1e999", b"-", b'"', b"}", b"]", b",", b"0"])
        )
    return bytes(spoilt)


NAMES = [
    "TimeUTC",
    "HourUTC",
    "PriceArea",
    "Version",
    "GrossCon",
    "ForecastType",
    "ForecastDayAhead",
    "ConsumptionkWh",
    "GridArea",
]


def fuzz(recorded: list[tuple[sources.Source, Request, bytes]], examples: int) -> tuple[int, int]:
    """Let every parser read so many spoilt answers; how many it read and how many it refused. Anything but Expected fails."""
    read = refused = 0
    for source, request, true in recorded:

        @settings(max_examples=examples, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(bodies(true), st.just((source, request)))
        def meet(body: bytes, asked: tuple[sources.Source, Request]) -> None:
            nonlocal read, refused
            try:
                found = values(*asked, body)
            except Expected as problem:
                refused += bool(problem.problem and problem.remedy)
            else:
                read += 1
                assert all(x - x == 0 for x in found.values())

        meet()
    return read, refused


def test_nothing_but_expected_leaves_a_parser(recorded: list[tuple[sources.Source, Request, bytes]]) -> None:
    assert sum(fuzz(recorded, 6)) == 6 * len(PARSERS)


@pytest.mark.long
@pytest.mark.gate("E9", "Parsers fed with nonsense", target="13 parsers, 400 answers each: nothing but told errors")
def test_nothing_but_expected_leaves_a_parser_in_thousands_of_answers(
    recorded: list[tuple[sources.Source, Request, bytes]], gate: Callable[[str], None]
) -> None:
    read, refused = fuzz(recorded, 400)
    gate(f"{read + refused:,} answers to {len(recorded)} parsers: {refused:,} refused by name, {read:,} read, 0 other errors")
