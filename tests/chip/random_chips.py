"""Random chips in RTL: `python -m tests.chip.random_chips [COUNT] [SEED]`.

Each chip is generated and built, and runs three random layers, every output compared. Chips have up to 24 PEs, so
that one takes less than a minute; all other fields are drawn over their whole ranges.
"""

import random
import sys

from compiler.image.program import compile_layer
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import MappingError
from compiler.mapping.search import find_mapping
from golden.conv import conv_layer
from golden.tensors import random_tensors
from sim.chip.programs import simulate_programs
from sim.chip.simulate import Settings
from tests.compiler.random_chips import random_chip, random_shape

__all__ = ["run_chip"]


def run_chip(seed, layers=3):
    """(chip, results) of a chip that takes that many layers."""
    chance = random.Random(seed)
    chip = None
    while chip is None:
        chip, _ = random_chip(chance, most_pes=24, data_width=16)
    programs, expected, base = [], [], 0
    while len(programs) < layers:
        shape = random_shape(chance, most_values=4000, most_macs=20_000)
        options = dict(shift=chance.randint(0, 16), relu=chance.random() < 0.5)
        tensors = random_tensors(shape, seed=seed, zeros=chance.choice((0.0, 0.4, 0.9)), full_range=True,
                                 weight_zeros=chance.choice((0.0, 0.8)))
        try:
            mapping = find_mapping(lower(shape, chip), chip)
        except MappingError:
            continue
        programs.append(compile_layer(shape, mapping, chip, *tensors, base=base, **options))
        base += len(programs[-1].dram)
        expected.append(conv_layer(*tensors, shape, **options))
    return chip, simulate_programs(programs, expected, chip, Settings(max_cycles=3_000_000))


def main(count=60, seed=0):
    wrong = 0
    for each in range(seed, seed + count):
        chip, results = run_chip(each)
        wrong += not all(result.match for result in results)
        print(each, f"{chip.rows} x {chip.columns}", *(
            "equal" if result.match else f"{result.status} {result.program.shape} {result.program.mapping} {chip}"
            for result in results), flush=True)
    print(f"{count - wrong} of {count} chips equal")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
