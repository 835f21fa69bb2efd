"""The alarm of a peak: raised when a forecast load is likely enough to exceed its limit, ended when it is no longer."""

from __future__ import annotations

from engine import clock, geography, limits, published
from engine.domain import HOUR, Consumer
from engine.limits import Limits, Peak
from engine.store import Reader, Writer


def watch(writer: Writer, reader: Reader, now: int) -> None:
    """Keep an open event for each consumer whose published forecast exceeds its limit too probably in an hour of the next two days."""
    wanted = reader.limits()
    held = {event.subject for event in reader.events() if event.code == "peak"}
    for of, limit in wanted.loads.items():
        its = published.read(reader, of, now)
        found = None if its is None else limits.peak(its.forecast, now, limits.ALARM_S, limit)
        name = limits.written(of)
        if found is None:  # nobody can tell: what was open stays
            held.discard(name)
        elif found.probability >= (wanted.quiet if name in held else wanted.alarm):
            held.discard(name)
            writer.open_event("peak", name, sentence(of, limit, found, now), _remedy(wanted), now)
    for name in held:
        writer.close_event("peak", name, now)


def sentence(of: Consumer, limit: float, found: Peak, now: int) -> str:
    """What may be exceeded, when, how probably, and how long until then."""
    hour = clock.local(found.probable_at)
    end = clock.local(found.probable_at + HOUR)
    return (
        f"The load of {geography.title(of, 'en')} may exceed {limit:g} MWh: {100 * found.probability:.0f} % for "
        f"{hour:%Y-%m-%d %H}–{end:%H} Danish time, {limits.lead_h(found.probable_at, now)} h ahead."
    )


def _remedy(wanted: Limits) -> str:
    return f"Look at that hour in the forecast view; the alarm ends by itself under {100 * wanted.quiet:g} %."
