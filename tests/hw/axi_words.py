"""Payloads of the AXI modules' streams as integers, and answers that a memory gives."""

import cocotb
from cocotb.triggers import RisingEdge

__all__ = ["answer", "burst", "bursts_of", "command", "lite_write", "read_word", "request", "write_word"]

PAGE_WORDS = 512


def command(write, address, words):
    """The chip's: word address, number of words."""
    return write | address << 1 | words - 1 << 29


def burst(address, words):
    """On AR and AW: byte address, number of words."""
    return address | words - 1 << 64


def request(write, address, words):
    return write | burst(address, words) << 1


def write_word(data, last, strobe=0xFF):
    return data | strobe << 64 | last << 72


def read_word(data, last, response=0):
    return data | response << 64 | last << 66


def lite_write(data, strobe=0xF):
    return data | strobe << 32


def bursts_of(base, address, words):
    """[(byte address, words)] within pages of 4 KB."""
    cut, word = [], (base >> 3) + address
    while words:
        length = min(words, PAGE_WORDS - word % PAGE_WORDS)
        cut.append((word << 3, length))
        word, words = word + length, words - length
    return cut


def answer(clk, sink, source, words):
    """Whenever `sink` has got something, send what `words` makes of it from `source`."""
    async def run():
        seen = 0
        while True:
            await RisingEdge(clk)
            while seen < len(sink.received):
                source.send(words(sink.received[seen]))
                seen += 1

    return cocotb.start_soon(run())
