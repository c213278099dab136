"""Interfaces between the modules of the chip; `wiring.connect` wires them."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .payloads import QUAD, Burst, bus_width, glb_address, tagged_word

__all__ = ["DramLink", "GlbRead", "GlbWrite", "PsumRow", "RowBus", "Sram", "Tagged"]


class GlbRead(wiring.Signature):
    """Reads of the GLB, as seen from who reads.

    Members
    -------
    valid : Out(1), a word is asked for in this cycle.
    ready : In(1), it is granted in this cycle.
    address : Out(glb_address), of the word, while `valid`.
    data : In(64), the word, in the cycle after it was granted, until another one is.
    """

    def __init__(self, chip):
        super().__init__({"valid": Out(1), "ready": In(1), "address": Out(glb_address(chip)), "data": In(QUAD)})


class GlbWrite(wiring.Signature):
    """Writes of the GLB, as seen from who writes.

    Members
    -------
    valid : Out(1), a word is to be written in this cycle.
    ready : In(1), it is written at the end of this cycle.
    address : Out(glb_address), where to, while `valid`.
    data : Out(64), the word, while `valid`.
    """

    def __init__(self, chip):
        super().__init__({"valid": Out(1), "ready": In(1), "address": Out(glb_address(chip)), "data": Out(QUAD)})


class DramLink(wiring.Signature):
    """DRAM, as seen from who uses it: the chip.

    Members
    -------
    bursts : Out(stream of Burst), commands.
    write_words : Out(stream of 64 bits), the words of the writes, in order.
    read_words : In(stream of 64 bits), the words of the reads, in order.
    """

    def __init__(self):
        super().__init__({
            "bursts": Out(stream.Signature(Burst)), "write_words": Out(stream.Signature(QUAD)),
            "read_words": In(stream.Signature(QUAD)),
        })


class Sram(wiring.Signature):
    """The port of a memory, as seen from who uses it.

    Members
    -------
    enable : Out(1), a word is read or written in this cycle.
    write : Out(1), it is written.
    address : Out, of the word.
    write_data : Out, the word to be written.
    read_data : In, the word read, in the cycle after.
    """

    def __init__(self, address, width):
        super().__init__({
            "enable": Out(1), "write": Out(1), "address": Out(address), "write_data": Out(width),
            "read_data": In(width),
        })


def Tagged(chip, name):
    """Stream signature of what goes into the filter, ifmap or psum network: words and whom they are for.

    A function, as Amaranth's stream.Signature may not be subclassed.
    """
    return stream.Signature(tagged_word(chip, name))


class RowBus(wiring.Signature):
    """The X-bus of a GIN on its way to a row of PEs; a word of it is taken by all PEs that it is for, in one cycle.

    Members
    -------
    data : Out(width), a word for any of the PEs.
    valids : Out(columns), for each PE, that it is to take the word in this cycle.
    readies : In(columns), for each PE, that it can take a word in this cycle.
    """

    def __init__(self, width, columns):
        super().__init__({"data": Out(width), "valids": Out(columns), "readies": In(columns)})


class PsumRow(wiring.Signature):
    """The psums that leave a row of PEs.

    Members
    -------
    data : Out(width) of each PE.
    valids : Out(columns), for each PE, that it has a word.
    readies : In(columns), for each PE, that its word is taken in this cycle.
    """

    def __init__(self, chip):
        super().__init__({
            "data": Out(bus_width(chip, "psum")).array(chip.columns), "valids": Out(chip.columns),
            "readies": In(chip.columns),
        })
