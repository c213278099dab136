"""Tables of `eyeriss asic --power`: headings, lines, what is said below, of the rows in docs/results/power*.json."""

from .report import chip_parts

__all__ = ["gates", "latches", "pe"]

EVERYTHING = ("clock_mw", "data_mw", "leakage_mw")


def gates(rows):
    """All that was measured by Fig. 16's parts, the PEs with and without gating."""
    lines = []
    for layer in _layers(rows):
        for gating in (True, False):
            parts = {name: mw for name, mw in chip_parts(rows, layer, gating=gating).items() if name != "leakage"}
            total = sum(parts.values())
            lines.append((_short(layer), "on" if gating else "off", f"{total:,.0f}",
                          *(f"{mw:,.0f} ({mw / total:.1%})" for mw in parts.values())))
    return ("layer", "gating", "mW", *parts), lines, ""


def pe(rows):
    """A PE by part, and what gating saves."""
    cases = [(layer, gating) for layer in _layers(rows) for gating in (True, False)]
    parts = {"clock": (["clock_mw"], None), **{row["part"]: (["data_mw"], (row["part"],)) for row in rows
                                               if row["module"] == "PE"}, "all": (EVERYTHING, None)}
    found = {name: [_pe(rows, layer, *part, gating=gating) for layer, gating in cases]
             for name, part in parts.items()}
    saved = ", ".join(f"{1 - on / off:.1%} in {_short(layer)}" for (layer, gating), on, off in
                      zip(cases, found["all"], found["all"][1:], strict=False) if gating)
    return (("a PE, mW", *(f"{_short(layer)}{'' if gating else ', no gating'}" for layer, gating in cases)),
            [(part, *(f"{mw:.2f}" for mw in values)) for part, values in found.items()], f" Gating saves {saved}.")


def latches(flops, rows):
    """A PE with spads of flip-flops and of latches."""
    spads = ("ifmap spad", "psum spad")
    lines = []
    for layer in _layers(rows):
        for what, keys, parts in (("clock of ifmap and psum spad", ["clock_mw"], spads),
                                  ("data in them", ["data_mw"], spads), ("clock, all", ["clock_mw"], None),
                                  ("all", EVERYTHING, None)):
            before, after = (_pe(table, layer, keys, parts) for table in (flops, rows))
            lines.append((_short(layer), what, f"{before:.2f}", f"{after:.2f}", f"{after / before - 1:+.0%}"))
    return ("layer", "a PE, mW", "registers", "latches", "change"), lines, ""


def _pe(rows, layer, keys, parts, *, gating=True):
    return sum(row[key] for row in rows for key in keys if row["module"] == "PE" and row["gating"] == gating
               and row["layer"] == layer and (parts is None or row["part"] in parts))


def _layers(rows):
    return list(dict.fromkeys(row["layer"] for row in rows))


def _short(layer):
    return layer.partition("/")[2]
