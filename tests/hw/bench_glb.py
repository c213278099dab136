"""The GLB under five clients at once, against a dict."""

import random

import cocotb
from glb_model import address_of, each_cycle
from layer_model import CHIP

from sim.bench.streams import cycles, start

CLIENTS = ("ifmap_read", "ifmap_write", "psum_write", "psum_read", "ofmap_read")
IFMAP_BANKS = 2


class Model:
    """Keeps a request up until it is granted; looks at grants, conflicts and data.

    Parameters
    ----------
    rate : float
        How often an idle client asks for something.
    """

    def __init__(self, dut, clk, rate, seed):
        self.content, self.grants, self.waits = {}, dict.fromkeys(CLIENTS, 0), dict.fromkeys(CLIENTS, 0)
        self.both = self.compared = 0
        self._dut, self._rate, self._chance = dut, rate, random.Random(seed)
        self._requests, self._expected = dict.fromkeys(CLIENTS), {}
        each_cycle(clk, self._cycle)

    def _port(self, client, name):
        return getattr(self._dut, f"{client}__{name}")

    def _cycle(self):
        for client, word in self._expected.items():
            assert int(self._port(client, "data").value) == word, f"{client}: data"
        self._expected = {}
        used = {}
        for client in CLIENTS:
            if self._requests[client] is None:
                continue
            bank, row, word = self._requests[client]
            granted = int(self._port(client, "ready").value)
            # the order of CLIENTS is the order of service
            assert granted == (bank not in used), f"{client}: grant"
            used[bank] = client
            self.waits[client] += not granted
            if granted:
                self.grants[client] += 1
                self._requests[client] = None
                if word is not None:
                    self.content[bank, row] = word
                elif (bank, row) in self.content:
                    self._expected[client] = self.content[bank, row]
                    self.compared += 1
        self.both += len(used) > 1
        for client in CLIENTS:
            if self._requests[client] is None and self._chance.random() < self._rate:
                self._requests[client] = self._request(client)
            self._drive(client)

    def _request(self, client):
        banks = range(IFMAP_BANKS) if client.startswith("ifmap") else range(IFMAP_BANKS, CHIP.glb_banks)
        word = self._chance.getrandbits(64) if client.endswith("write") else None
        return self._chance.choice(banks), self._chance.randrange(CHIP.glb_bank_words), word

    def _drive(self, client):
        request = self._requests[client]
        bank, row, word = request or (self._chance.randrange(CHIP.glb_banks),
                                      self._chance.randrange(CHIP.glb_bank_words), 0)
        self._port(client, "valid").value = int(request is not None)
        self._port(client, "address").value = address_of(bank, row)
        if client.endswith("write"):
            self._port(client, "data").value = self._chance.getrandbits(64) if word is None else word


@cocotb.test()
@cocotb.parametrize(("rate", [0.1, 0.5, 1.0]))
async def five_clients(dut, rate):
    zeros = {f"{client}__{name}": 0 for client in CLIENTS for name in ("valid", "address")}
    clk = await start(dut, **zeros, ifmap_write__data=0, psum_write__data=0)
    model = Model(dut, clk, rate, seed=int(rate * 10))
    await cycles(clk, 1000)
    assert all(model.grants.values()) and model.both and model.compared > 20
    if rate == 1.0:
        assert model.grants["psum_write"] >= 998, "one word a cycle for the first in line"
        assert model.waits["ofmap_read"] > 300, "conflicts"
