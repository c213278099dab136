"""ChipConfig: limits, contradictions, TOML files; the scan chain's layout."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import PRESETS, ChipConfig, load_chip, pack_scan, scan_fields
from hw.config.registers import FIELDS, constants


def test_presets_are_named_after_themselves():
    assert all(chip.name == name for name, chip in PRESETS.items())


def test_papers_chip():
    chip = PRESETS["eyeriss"]
    assert chip.pes == 168
    assert chip.glb_words * 8 == 25 * 4096
    assert chip.sram_bytes == 108 * 1024
    # Table IV: 12, 224 and 24 words of 16 bit in a PE
    assert (chip.ifmap_spad_words, chip.filter_spad_words, chip.psum_spad_words) == (12, 224, 24)


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRESETS["mini"].rows = 7


@pytest.mark.parametrize("field, value, limits", [
    ("rows", 1, "2 to 32"), ("rows", 33, "2 to 32"), ("columns", 0, "1 to 32"), ("columns", 33, "1 to 32"),
    ("data_width", 4, "8 to 16"), ("ifmap_spad_words", 1, "2 to 32"), ("ifmap_spad_words", 33, "2 to 32"),
    ("filter_spad_words", 3, "4 to 1024"), ("psum_spad_words", 65, "4 to 64"),
    ("ifmap_fifo_depth", 0, "1 to 16"), ("psum_fifo_depth", 0, "1 to 16"), ("glb_banks", 1, "2 to 64"),
    ("glb_bank_words", 8192, "16 to 4096"), ("filter_bank_words", 8, "16 to 4096"),
    ("bias_words", 3, "4 to 256"), ("burst_words", 1, "2 to 64"), ("core_mhz", 0, "1 to 5000"),
    ("link_mhz", -60, "1 to 5000"),
])
def test_limit(field, value, limits):
    with pytest.raises(ValueError, match=rf"^{field} must be {limits}, not {value}( \(.+\))?$"):
        ChipConfig(**{field: value})


@pytest.mark.parametrize("value", ["12", 12.0, True, None])
def test_no_integer(value):
    with pytest.raises(TypeError, match=f"^rows must be an integer, not {re.escape(repr(value))}$"):
        ChipConfig(rows=value)


@pytest.mark.parametrize("field", ["zero_skip", "coded_weights"])
def test_options_are_a_yes_or_no(field):
    with pytest.raises(TypeError, match=rf"^{field} must be true or false, not 1$"):
        ChipConfig(**{field: 1})


@pytest.mark.parametrize("field, value", [
    ("data_width", 12), ("glb_bank_words", 48), ("filter_bank_words", 48), ("burst_words", 48)])
def test_power_of_two(field, value):
    with pytest.raises(ValueError, match=f"^{field} must be a power of two, not {value}$"):
        ChipConfig(**{field: value})


@pytest.mark.parametrize("field", ["ifmap_bus_values", "filter_bus_values"])
def test_buses_are_no_wider_than_a_word(field):
    with pytest.raises(ValueError, match=f"^{field} must be at most 4, the values of a 64-bit word, not 8$"):
        ChipConfig(**{field: 8})


@pytest.mark.parametrize("data_width, psum_width, widths", [
    (16, 24, "16"), (16, 32, "16"), (8, 17, "16 or 24 or 32"), (8, 31, "16 or 24 or 32")])
def test_width_of_psums(data_width, psum_width, widths):
    with pytest.raises(ValueError, match=(
            f"^psum_width must be {widths} with data_width = {data_width}, not {psum_width}$")):
        ChipConfig(data_width=data_width, psum_width=psum_width)


@pytest.mark.parametrize("width, coded", [(16, False), (24, True), (32, False)])
def test_a_host_can_tell_the_width_of_psums_and_coded_weights(width, coded):
    chip = dataclasses.replace(PRESETS["mini-int8"], psum_width=width, coded_weights=coded)
    found = constants(chip)["ARRAY"]
    assert found < 1 << 32

    def value(name):
        return found >> FIELDS[f"ARRAY.{name}"].low & (1 << FIELDS[f"ARRAY.{name}"].width) - 1

    assert [value(name) for name in ("ROWS", "COLUMNS", "DATA_WIDTH", "ZERO_SKIP")] == [6, 5, 8, 0]
    assert (16 + value("PSUM_EXTRA"), value("CODED_WEIGHTS")) == (width, coded)


def test_psum_bus_is_no_wider_than_a_word():
    with pytest.raises(ValueError, match="^psum_bus_values must be at most 2, the values of a 64-bit word, not 4$"):
        ChipConfig(data_width=8, psum_width=32)


def test_filter_spad_holds_a_row():
    with pytest.raises(ValueError, match=(
            r"^filter_spad_words must hold one filter row of ifmap_spad_words = 12, not 11$")):
        ChipConfig(filter_spad_words=11)


def test_burst_fits_the_filter_banks():
    with pytest.raises(ValueError, match=r"^burst_words must be at most filter_bank_words = 16, not 32$"):
        ChipConfig(filter_bank_words=16, burst_words=32)


@pytest.mark.parametrize("name", ["", "7x", "-x", "a/b", "x y", "x.y", "*/ int x; /*", "x" * 65, "x\n"])
def test_name_is_an_identifier(name):
    with pytest.raises(ValueError, match=f"^name must be a Verilog identifier .+, not {re.escape(repr(name))}$"):
        ChipConfig(name=name)


@pytest.mark.parametrize("rows, columns, bits", [
    (12, 14, (4, 4, 5)), (15, 16, (4, 4, 5)), (16, 16, (5, 4, 5)), (17, 16, (5, 4, 5)), (18, 17, (5, 5, 6)),
    (32, 32, (6, 5, 6)), (2, 1, (4, 4, 5))])
def test_identifiers_follow_from_the_array(rows, columns, bits):
    chip = ChipConfig(rows=rows, columns=columns)
    assert (chip.row_id_bits, chip.col_id_bits, chip.ifmap_col_id_bits) == bits


def test_scan_chain_of_the_papers_chip():
    assert sum(field.bits for field in scan_fields(PRESETS["eyeriss"])) == 3384


def toml(directory, text):
    path = directory / "mine.toml"
    path.write_text(text)
    return str(path)


def test_presets_load():
    assert load_chip("mini") is PRESETS["mini"]


def test_file_starts_from_the_papers_chip(tmp_path):
    assert load_chip(toml(tmp_path, "rows = 6")) == ChipConfig(name="mine", rows=6)


def test_file_starts_from_a_preset(tmp_path):
    chip = load_chip(toml(tmp_path, 'preset = "mini"\nname = "other"\nlink_mhz = 100'))
    assert chip == dataclasses.replace(PRESETS["mini"], name="other", link_mhz=100)


@pytest.mark.parametrize("text, message", [
    ("rows = ", r"{path} must be a TOML file: .+"),
    ("row = 6", r"{path}: unknown field 'row'; known are name, rows, .+"),
    ("rows = 99", r"{path}: rows must be 2 to 32, not 99 \(psums pass from row to row; .+ 32 rows\)"),
    ("rows = 6.0", r"{path}: rows must be an integer, not 6.0"),
    ('preset = "maxi"', r"preset must be one of eyeriss, mini, .*, not 'maxi'"),
    ('preset = ["mini"]', r"preset must be one of eyeriss, mini, .*, not \['mini'\]"),
    ('name = "../up"', r"{path}: name must be a Verilog identifier of at most 64 letters, .+, not '\.\./up'"),
    ("name = 7", r"{path}: name must be a string, not 7"),
    ("filter_spad_words = 8", r"{path}: filter_spad_words must hold one filter row of ifmap_spad_words = 12, not 8"),
])
def test_bad_file(tmp_path, text, message):
    path = toml(tmp_path, text)
    with pytest.raises(ValueError, match=f"^{message.format(path=re.escape(path))}$") as caught:
        load_chip(path)
    assert "\n" not in str(caught.value)


def test_no_file():
    with pytest.raises(ValueError, match=r"^chip must be one of eyeriss, mini, .* or a TOML file, not 'midi'$"):
        load_chip("midi")


def unpack_scan(chip, bits):
    """What `hw.scan.ScanChain` makes of the bits: the first shifted in is bit 0 of the first field."""
    values, at = {}, 0
    for field in scan_fields(chip):
        elements = []
        for _ in range(field.count):
            elements.append(sum(bit << place for place, bit in enumerate(bits[at:at + field.width])))
            at += field.width
        values[field.name] = elements if field.count > 1 else elements[0]
    assert at == len(bits)
    return values


@st.composite
def settings_of(draw, chip):
    values = {}
    for field in scan_fields(chip):
        value = st.integers(0, (1 << field.width) - 1)
        vector = st.lists(value, min_size=field.count, max_size=field.count)
        values[field.name] = draw(vector if field.count > 1 else value)
    return values


@given(st.data())
def test_scan_round_trip(data):
    chip = PRESETS["mini"]
    values = data.draw(settings_of(chip))
    assert unpack_scan(chip, pack_scan(chip, values)) == values


def zeros(chip):
    return {field.name: [0] * field.count if field.count > 1 else 0 for field in scan_fields(chip)}


@pytest.mark.parametrize("change, message", [
    ({"shift": 32}, r"shift must fit 5 bits, not 32"), ({"shift": -1}, r"shift must fit 5 bits, not -1"),
    ({"psum_words": [1, 2, 3]}, r"psum_words must have 4 elements, not 3"),
    ({"shaft": 1}, r"unknown configuration fields: shaft"),
])
def test_bad_settings(change, message):
    chip = PRESETS["mini"]
    with pytest.raises(ValueError, match=f"^{message}$"):
        pack_scan(chip, zeros(chip) | change)


def test_missing_setting():
    chip = PRESETS["mini"]
    values = zeros(chip)
    del values["relu"]
    with pytest.raises(ValueError, match=r"^configuration field relu must be given$"):
        pack_scan(chip, values)


@pytest.mark.parametrize("chip", PRESETS.values(), ids=lambda chip: chip.name)
def test_fields_are_told_apart_and_explained(chip):
    fields = scan_fields(chip)
    assert len({field.name for field in fields}) == len(fields)
    assert all(field.meaning and field.width > 0 and field.count > 0 for field in fields)
