"""Who listens to which word in the networks on chip (Figs. 10 and 11)."""

import numpy as np

from compiler.mapping.placement import Placement

__all__ = ["noc_ids"]


def noc_ids(placement: Placement) -> dict[str, list[int]]:
    """Row and col IDs of X-buses and PEs in each network on chip, and which PEs take part.

    Returns
    -------
    dict of str to list of int
        By configuration field: a value for each row of PEs, or for each PE, row by row.
    """
    layer, mp, chip = placement.layer, placement.mapping, placement.chip
    rows, columns = chip.rows, chip.columns
    height = mp.r * layer.R
    ids = {name: np.full(rows, rows) for name in  # an ID that no word is sent to
           ("filter_row_id", "ifmap_row_id", "psum_row_id", "gon_row_id")}
    pes = {name: np.zeros((rows, columns), int) for name in
           ("active", "from_ln", "filter_col_id", "ifmap_col_id", "psum_col_id")}
    for stack in range(placement.stacks):
        down, segment = divmod(stack, placement.segments)
        first_row = segment * placement.pe_columns  # of the ofmap tile, where a set is cut in segments
        width = min(placement.pe_columns, mp.e - first_row) if placement.segments > 1 else placement.pe_columns
        x = np.arange(width)
        for offset in range(height):
            y = stack * height + offset
            channel, i = divmod(offset, layer.R)
            ids["filter_row_id"][y] = (down * mp.r + channel) * layer.R + i
            ids["ifmap_row_id"][y] = channel * layer.U + i % layer.U
            pes["active"][y, :width] = 1
            pes["from_ln"][y, :width] = offset < height - 1
            pes["filter_col_id"][y, :width] = x // mp.e if placement.segments == 1 else 0
            pes["ifmap_col_id"][y, :width] = first_row + x % mp.e + i // layer.U
            pes["psum_col_id"][y, :width] = x
        ids["psum_row_id"][stack * height + height - 1] = stack
        ids["gon_row_id"][stack * height] = stack
    return {name: value.ravel().tolist() for name, value in (ids | pes).items()}
