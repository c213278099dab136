"""What a simulated chip did, cycle by cycle, as its RTL said: passes, bursts on the link, why the array stood."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["KINDS", "TENSORS", "Burst", "Span", "Timeline", "parse", "read_trace", "trace_events", "waits"]

#: What each core cycle of a job is, as `hdl/timeline.sv` numbers it from 1.
KINDS = ("mac", "ramp", "wait_ifmap", "wait_filter", "wait_ofmap", "configuration")
TENSORS = ("ifmap", "filter", "bias", "ofmap")


@dataclass(frozen=True)
class Span:
    """Core cycles of one kind without a break: from `first`, `last` is not among them."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True)
class Burst:
    """A burst on the link: when its command was accepted, its first and its last word moved, in link cycles."""

    tensor: str
    accepted: int
    first: int
    last: int
    address: int
    words: int


@dataclass(frozen=True)
class Timeline:
    """A simulation's events, in order.

    Attributes
    ----------
    core_ps, link_ps : int
        Periods of the clocks. All cycles are counted from the beginning of the simulation.
    spans : list of Span
    passes : list of int
        Core cycles in which the last ifmap of a pass was sent.
    bursts : list of Burst
    """

    core_ps: int
    link_ps: int
    spans: list[Span]
    passes: list[int]
    bursts: list[Burst]

    def cycles(self) -> dict[str, int]:
        """Core cycles of each kind."""
        found = dict.fromkeys(KINDS, 0)
        for span in self.spans:
            found[span.kind] += span.last - span.first
        return found


def parse(text: str, bases: Mapping[int, str], core_ps: int, link_ps: int) -> Timeline:
    """Read what `hdl/timeline.sv` wrote.

    Parameters
    ----------
    text : str
    bases : dict of int to str
        The first word of each tensor in memory, and which it is.
    core_ps, link_ps : int
    """
    spans, passes, bursts, starts, kind, since = [], [], [], sorted(bases), 0, 0
    for line in text.splitlines():
        event, *values = line.split()
        numbers = [int(value) for value in values]
        if event == "c":
            if kind:
                spans.append(Span(KINDS[kind - 1], since, numbers[0]))
            since, kind = numbers
        elif event == "p":
            passes += numbers
        else:
            accepted, first, last, _, address, words = numbers
            tensor = bases[starts[bisect.bisect(starts, address) - 1]]
            bursts.append(Burst(tensor, accepted, first, last, address, words))
    return Timeline(core_ps, link_ps, spans, passes, bursts)


def waits(timeline: Timeline) -> dict[str, dict[str, float]]:
    """Who waited for whom: of the core cycles of each kind, in how many the link was held by which tensor's bursts.

    A burst holds the link from its first word to its last. "idle" is the rest: no burst, or one that waits for the
    latency of DRAM.
    """
    found = {}
    bounds = np.array([(span.first, span.last) for span in timeline.spans], np.int64).reshape(-1, 2)
    kinds = np.array([span.kind for span in timeline.spans])
    held = {}
    for tensor in TENSORS:
        times = np.array([(burst.first, burst.last + 1) for burst in timeline.bursts if burst.tensor == tensor],
                         np.float64).reshape(-1) * timeline.link_ps / timeline.core_ps
        busy = np.cumsum(np.diff(times, prepend=0) * (np.arange(len(times)) % 2))  # until each start and end
        held[tensor] = np.diff(np.interp(bounds, times, busy))[:, 0] if len(times) else np.zeros(len(bounds))
    for kind in KINDS:
        mine = kinds == kind
        shares = {tensor: float(held[tensor][mine].sum()) for tensor in TENSORS}
        total = int(np.diff(bounds[mine]).sum())
        found[kind] = shares | {"idle": total - sum(shares.values())}
    return found


def trace_events(timeline: Timeline, title: str) -> dict[str, Any]:
    """The object of a file in the Trace Event format, which https://ui.perfetto.dev opens; times in microseconds.

    A track for the array (the kinds of cycle), one for the passes, one for the bursts on the link, one for the
    configuration. `dur` of the array's events adds up to the chip's counters.
    """
    core, link = timeline.core_ps / 1e6, timeline.link_ps / 1e6
    tracks = ("array", "passes", "link", "configuration")
    events: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": title}},
        *({"ph": "M", "pid": 1, "tid": number, "name": "thread_name", "args": {"name": track}}
          for number, track in enumerate(tracks, 1))]

    def add(track: str, name: str, start: float, end: float, **args: Any) -> None:
        events.append({"ph": "X", "pid": 1, "tid": 1 + tracks.index(track), "name": name, "ts": start,
                       "dur": end - start, "args": args})

    for span in timeline.spans:
        add("configuration" if span.kind == "configuration" else "array", span.kind, span.first * core,
            span.last * core, cycle=span.first, cycles=span.last - span.first)
    for number, (first, last) in enumerate(_passes(timeline)):
        add("passes", f"pass {number}", first * core, last * core, cycle=first, cycles=last - first)
    for burst in timeline.bursts:
        add("link", burst.tensor, burst.first * link, (burst.last + 1) * link, accepted=burst.accepted,
            first=burst.first, last=burst.last, address=burst.address, words=burst.words)
    return {"displayTimeUnit": "ns", "traceEvents": events,
            "otherData": {"core_ps": timeline.core_ps, "link_ps": timeline.link_ps}}


def read_trace(table: Mapping[str, Any]) -> Timeline:
    """The timeline of an object of `trace_events`."""
    spans, passes, bursts = [], [], []
    for event in table["traceEvents"]:
        if event["ph"] == "M":
            continue
        args = event["args"]
        if event["name"] in KINDS:
            spans.append(Span(event["name"], args["cycle"], args["cycle"] + args["cycles"]))
        elif event["name"] in TENSORS:
            bursts.append(Burst(event["name"], **args))
        else:
            passes.append(args["cycle"] + args["cycles"] - 1)
    return Timeline(**table["otherData"], spans=spans, passes=passes, bursts=bursts)


def _passes(timeline: Timeline) -> Sequence[tuple[int, int]]:
    """(first, last + 1) of each pass: from the end of the one before, or the start of its job."""
    starts = [span.last for span in timeline.spans if span.kind == "configuration"]
    ends = [cycle + 1 for cycle in timeline.passes]
    found, before = [], 0
    for end in ends:
        job = starts[bisect.bisect(starts, end) - 1] if starts else 0
        found.append((max(before, job), end))
        before = end
    return found
