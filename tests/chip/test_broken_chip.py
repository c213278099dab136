"""A broken chip is never taken for a whole one: it faults, hangs by name, or differs, and soon."""

import re
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hw.config import PRESETS, pack_scan
from scripts import cli
from scripts.commands import simulate as simulation
from sim.chip.programs import simulate_programs
from sim.chip.verilog import chip_verilog
from sim.tools.memfile import MemoryFileError
from tests.chip.layers import check, run

# two ragged strips, three channel groups, two sets side by side on the 6 x 5 chip
SHAPE, MAPPING = "M=8,C=5,H=5,W=6,R=3", "m=8 n=1 e=2 p=4 q=1 r=2 t=2"
# one tile, two channel groups: short enough for Icarus
SHORT = "M=4,C=2,H=4,W=7,R=3", "m=4 n=1 e=2 p=4 q=1 r=1 t=1"
ENDS = dict(hang_cycles=2_000, max_cycles=20_000, poll_cycles=500)


def corrupt(program, field, index, change):
    """A program whose configuration field has another value, in one element of a vector."""
    job = program.jobs[0]
    value = job.fields[field]
    if index is None:
        value = change(value)
    else:
        value = [change(element) if place == index else element for place, element in enumerate(value)]
    fields = job.fields | {field: value}
    return replace(program, jobs=[replace(job, fields=fields, bits=pack_scan(program.chip, fields))])


def ends_badly(result, statuses):
    assert not result.match
    assert result.status in statuses, result.status
    assert result.status != "done" or result.difference is not None
    assert result.counters["cycles"] <= ENDS["max_cycles"] + ENDS["poll_cycles"]


def test_whole_chip(need, top):
    need("verilator")
    check(run(SHAPE, MAPPING, top=top, **ENDS))


# field, element, change; PEs count row by row from the top left, five in a row
@pytest.mark.parametrize("field, index, change, statuses", [
    ("ifmap_col_id", 0, lambda value: value + 1, {"done", "hang"}),
    ("ifmap_col_id", 11, lambda value: 31, {"hang"}),
    ("ifmap_row_id", 2, lambda value: value + 7, {"fault"}),
    ("filter_col_id", 3, lambda value: 15, {"hang"}),
    ("filter_row_id", 1, lambda value: 2, {"fault"}),
    ("psum_row_id", 5, lambda value: value + 1, {"fault"}),
    ("psum_col_id", 26, lambda value: 0, {"fault"}),
    ("gon_row_id", 0, lambda value: 9, {"fault"}),
    ("from_ln", 7, lambda value: 0, {"hang"}),
    ("active", 12, lambda value: 0, {"hang"}),
    ("active", 4, lambda value: 1, {"hang"}),  # a PE too many, at the edge
    ("stride", None, lambda value: 2, {"done", "hang", "fault"}),
    ("slide", None, lambda value: 2, {"done", "hang", "fault"}),
    ("channels_last", None, lambda value: value - 1, {"done", "hang", "fault"}),
    ("psum_words", 1, lambda value: value - 1, {"done", "hang", "fault"}),
    ("ifmap_base", None, lambda value: value + 1, {"done", "fault"}),
    ("ofmap_base", None, lambda value: value + 1, {"done", "fault"}),
    ("ofmap_base", None, lambda value: (1 << 28) - 1, {"fault"}),
    ("ifmap_last", None, lambda value: value - 1, {"hang"}),
    ("shift", None, lambda value: value + 1, {"done"}),
    ("relu", None, lambda value: 1, {"done"}),
])
def test_wrong_configuration(need, top, field, index, change, statuses):
    need("verilator")
    change = partial(corrupt, field=field, index=index, change=change)
    ends_badly(run(SHAPE, MAPPING, corrupt=change, top=top, **ENDS), statuses)


# groups that read the first one's ifmaps; m groups that read on behind theirs
@pytest.mark.parametrize("shape, mapping, statuses", [
    ("M=6,C=6,H=6,W=6,R=3,G=6", "m=1 n=1 e=4 p=1 q=1 r=1 t=1", {"fault"}),
    ("M=8,C=2,H=6,W=6,R=3", "m=4 n=1 e=4 p=4 q=2 r=1 t=1", {"hang"}),
])
def test_ifmaps_of_groups(need, top, shape, mapping, statuses):
    need("verilator")
    change = partial(corrupt, field="ifmap_once", index=None, change=lambda value: 1 - value)
    ends_badly(run(shape, mapping, corrupt=change, top=top, **ENDS), statuses)


def mutate(directory, module, substitutions, addition="", chip="mini"):
    """A small chip's Verilog with changes in one module: each pattern must occur exactly once."""
    files = [Path(shutil.copy(file, directory)) for file in chip_verilog(PRESETS[chip])]
    file = next(file for file in files if file.stem == module)
    text = file.read_text()
    for pattern, new in substitutions:
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE | re.DOTALL)
        assert count == 1, f"{pattern} occurs {count} times"
    file.write_text(text.replace("\nendmodule", f"\n{addition}\nendmodule"))
    return files


# After `valid` and `ready` of a stream: its fourth word is taken from its source and never arrives.
DROP = """
  reg [2:0] words_seen = 3'd0;
  assign dropping = words_seen == 3'd3;
  always @(posedge clk)
    if ({valid} && ({ready} || dropping) && words_seen != 3'd7) words_seen <= words_seen + 3'd1;
"""


def dropped(ready, sink):
    """Substitutions in the top that lose a word between an output and an input of two instances.

    Parameters
    ----------
    ready, sink : str
        ``instance.port``: the source's ready and the sink's valid.
    """
    def connection(port):
        instance, name = port.split(".")
        return rf"(^  \w+ {instance} \((?:(?!\n  \);).)*?\.{name}\()(\w+)\)"

    return [
        (connection(ready), r"\1\2 | dropping)"), (connection(sink), r"\1\2 & ~dropping)"),
        (r"^\);$", ");\n  wire dropping;"),
    ]


UNKNOWN = "words are unknown"

MUTANTS = {
    "a psum word lost on its way out": (
        "eyeriss", dropped("array.ofmaps__ready", "psum_collector.i__valid"),
        DROP.format(valid="psum_collector__i__valid", ready="array__ofmaps__ready"), {"hang"}),
    "a psum word lost on its way in": (
        "eyeriss", dropped("psum_sender.o__ready", "array.psums__valid"),
        DROP.format(valid="psum_sender__o__valid", ready="psum_sender__o__ready"), {"hang"}),
    "a bit of some products flipped": (
        "pe", [(r"product <= ([^;]*);", r"product <= (\1) ^ {29'd0, value[3:0] == 4'd5, 2'd0};")], "", {"done"}),
    "a gated product counts as one": (
        "pe", [(r"multiplying\[1\] \? 32'd0", "multiplying[1] ? 32'd1")], "", {"done"}),
    # adds to what the spad held at power-on, which Icarus knows to be unknown
    "the psum spad forgets its first word": (
        "pe", [(r"\.first\(adding\[2\]\)", ".first(1'h0)")], "", UNKNOWN),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutated_chip(need, name, tmp_path):
    need("icarus")  # it compiles a mutant in a second
    *mutation, ends = MUTANTS[name]
    verilog = mutate(tmp_path, *mutation)
    if ends is UNKNOWN:
        with pytest.raises(MemoryFileError, match=UNKNOWN):
            run(*SHORT, simulator="icarus", verilog=verilog, **ENDS)
    else:
        ends_badly(run(*SHORT, simulator="icarus", verilog=verilog, **ENDS), ends)


def test_unchanged_copy_of_the_chip(need, tmp_path):
    need("icarus")
    check(run(*SHORT, simulator="icarus", verilog=mutate(tmp_path, "pe", []), **ENDS))


# three blocks of four ragged tiles, two channel groups, two filter groups: the shortest layer that sees these
BLOCKS = "N=3,M=4,C=2,H=4,W=4,R=2", "m=4 n=4 e=2 f=2 p=2 q=1 r=1 t=1"
BLOCK_MUTANTS = {
    "ragged tiles are read as long as whole ones": ("ifmap_reader", [(r"\{ tiles__tile\[6\], 1'h0 \}", "2'h0")]),
    "the third block is forgotten": ("layer_walker", [(r" block - 1'h1;", " block - 2'h2;")]),
}


@pytest.mark.parametrize("name", BLOCK_MUTANTS)
def test_mutated_walk(need, name, tmp_path):
    need("icarus")
    ends_badly(run(*BLOCKS, simulator="icarus", verilog=mutate(tmp_path, *BLOCK_MUTANTS[name]), **ENDS),
               {"done", "hang", "fault"})


@pytest.mark.parametrize("name", ["gated_macs", "noc_ifmaps"])
def test_wrong_counter(need, name, tmp_path):
    """Outputs are right, a counter stays at 0: what is expected of each counter says so."""
    need("icarus")
    verilog = mutate(tmp_path, "eyeriss", [(rf"\.{name}\(counters__{name}\)", f".{name}('0)")])
    result = run(*BLOCKS, simulator="icarus", verilog=verilog, zeros=0.5, **ENDS)
    assert result.match and result.counters[name] == 0
    with pytest.raises(AssertionError):
        check(result)


# two channel groups of a tile of 45 values, whose three channels straddle words of four
WIDE = "M=4,C=6,H=3,W=5,R=3", "m=4 n=1 e=1 p=4 q=3 r=1 t=1"
WIDE_MUTANTS = {
    "an ifmap bus word is cut short": (
        "ifmap_unpacker_4", [(r"(i__ready = )([^;]*);", r"\1\2 | (o__ready & lane == 2'd1);")]),
    "the padding of a tile is sent": ("wide_ifmap_sender", [(r"\.drop\(\w+\)", ".drop(1'h0)")]),
    "values of a word are left out": ("ifmap_aligner_4", [(r"left - last", "left - 2'd3")]),
    "a value that is not zero is skipped": (
        "zero_scanner", [(r"\.zero\((\w+)\)", ".zero()"),
                         (r"^endmodule", "assign ifmap_spad__zero = ifmap_spad__value[3:0] == 0;\nendmodule")]),
}


@pytest.mark.parametrize("name", WIDE_MUTANTS)
def test_mutated_chip_with_a_wide_bus(need, name, tmp_path):
    need("icarus")
    chip = "mini-skip-wide"
    verilog = mutate(tmp_path, *WIDE_MUTANTS[name], chip=chip)
    ends_badly(run(*WIDE, chip=chip, simulator="icarus", verilog=verilog, **ENDS), {"done", "hang", "fault"})


def test_unchanged_copy_of_a_chip_with_a_wide_bus(need, tmp_path):
    need("icarus")
    chip = "mini-skip-wide"
    assert run(*WIDE, chip=chip, simulator="icarus", verilog=mutate(tmp_path, "pe_row", [], chip=chip), **ENDS).match


def test_undecodable_ofmap_is_a_mismatch(need, top):
    need("verilator")
    change = partial(corrupt, field="ofmap_base", index=None, change=lambda value: value + 1)
    ends_badly(run(SHAPE, MAPPING, relu=True, compress=True, corrupt=change, top=top, **ENDS), {"malformed", "fault"})


@pytest.mark.parametrize("field, index, change, verdict", [
    ("shift", None, lambda value: value + 1, r"MISMATCH in custom: \d+ of 96 outputs differ, the first at \(0, "),
    # as the command runs it the chip's own watchdog is the first to see that nothing moves
    ("active", 12, lambda value: 0, "FAULT in custom: nothing moves any more, and no filter words from DRAM "
                                     "are left for the array"),
    ("psum_row_id", 5, lambda value: value + 1, "FAULT in custom: a psum word's tag, on its way into the array, "
                                                "matches no PE"),
    ("ofmap_base", None, lambda value: (1 << 28) - 1, "FAULT in custom: a burst was addressed outside of DRAM"),
])
def test_command_exits_with_one(need, monkeypatch, capsys, tmp_path, field, index, change, verdict):
    need("verilator")
    def broken(programs, *arguments, **options):
        return simulate_programs([corrupt(program, field, index, change) for program in programs], *arguments,
                                 **options)

    monkeypatch.setattr(simulation, "simulate_programs", broken)
    monkeypatch.setattr(sys, "argv", ["eyeriss", "simulate", "--chip", "mini", "--shape", SHAPE, "--mapping",
                                      str(mapping_file(tmp_path))])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert re.search(verdict, " ".join(capsys.readouterr().out.split()))


def mapping_file(directory):
    values = ", ".join('"{}": {}'.format(*item.split("=")) for item in MAPPING.split())
    path = directory / "mapping.json"
    path.write_text(f"{{{values}}}")
    return path
