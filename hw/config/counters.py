"""What the chip counts, and why (Tables V and VI are computed from it): the only description of the counters."""

__all__ = ["COUNTERS", "EVENTS", "FAULTS", "counter_index"]

# name -> meaning; all but `macs` and `gated_macs` grow by at most one a cycle
EVENTS = {
    "cycles": "core cycles from start to done",
    "mac_cycles": "cycles in which at least one PE does a MAC",
    "ramp_cycles": "cycles without a MAC while the array fills or empties",
    "wait_ifmap_cycles": "cycles without a MAC, ifmaps have not come from DRAM",
    "wait_filter_cycles": "cycles without a MAC, filters have not come from DRAM",
    "wait_ofmap_cycles": "cycles without a MAC, ofmaps have not gone to DRAM",
    "macs": "MACs of all PEs, gated ones included",
    "gated_macs": "MACs whose ifmap value is zero",
    "passes": "processing passes whose ifmaps were sent",
    "glb_ifmap_reads": "64-bit ifmap words from the GLB to the array",
    "glb_ifmap_writes": "64-bit ifmap words from DRAM to the GLB",
    "glb_psum_reads": "64-bit psum words from the GLB to the array",
    "glb_psum_writes": "64-bit psum words from the array to the GLB",
    "glb_ofmap_reads": "64-bit finished psum words from the GLB on their way to DRAM",
    "glb_filter_reads": "64-bit filter words from the filter banks to the array",
    "glb_filter_writes": "64-bit filter words from DRAM to the filter banks",
    "noc_ifmaps": "words over the ifmap GIN, of 16 bits or several such",
    "noc_filters": "words over the filter GIN, of 64 bits on the paper's chip",
    "noc_psums_in": "words over the psum GIN, of 64 bits on the paper's chip",
    "noc_psums_out": "words over the GON, of 64 bits on the paper's chip",
    "dram_ifmap": "64-bit ifmap words from DRAM",
    "dram_filter": "64-bit filter words from DRAM",
    "dram_bias": "64-bit bias words from DRAM",
    "dram_ofmap": "64-bit ofmap words to DRAM",
}

# name -> meaning; each is 1 from the event on, until the next layer begins
FAULTS = {
    "unclaimed_filters": "a filter word's tag matches no PE",
    "unclaimed_ifmaps": "an ifmap word's tag matches no PE",
    "unclaimed_psums": "a psum word's tag, on its way into the array, matches no PE",
    "unclaimed_requests": "a request for a psum word matches no PE",
    "malformed_ifmaps": "an ifmap stream from DRAM is shorter or longer than its tile",
    "stuck_ifmaps": "nothing moves any more, and no ifmap words from DRAM are left for the array",
    "stuck_filters": "nothing moves any more, and no filter words from DRAM are left for the array",
    "stuck_ofmaps": "nothing moves any more, and ofmaps do not leave for DRAM",
    "stuck_array": "nothing moves any more, although ifmap and filter words are there and ofmaps may leave",
    "surplus_filters": "filter words are left over at the end",
    "surplus_ifmaps": "ifmap words are left over at the end",
    "surplus_biases": "bias words are left over at the end",
}

COUNTERS = EVENTS | FAULTS


def counter_index(name: str) -> int:
    """The select value of a counter."""
    return list(COUNTERS).index(name)
