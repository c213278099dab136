"""Random layers over all that the chip supports, small enough to simulate by the hundred."""

from hypothesis import strategies as st

from golden.layer import LayerShape

__all__ = ["native_layers"]


@st.composite
def native_layers(draw, most_macs):
    """A LayerShape of at most `most_macs` MACs: filters of 1-12 x 1-32, strides 1, 2, 4 x 1-12, M and C to 1,024,
    non-square maps, padding, groups, any N; one large dimension at a time, as its cost allows."""
    R, S = draw(st.integers(1, 12)), draw(st.one_of(st.integers(1, 12), st.integers(1, 32)))
    U, V = draw(st.sampled_from((1, 2, 4))), draw(st.integers(1, 12))
    P, G = draw(st.integers(0, 3)), draw(st.sampled_from((1, 1, 1, 2, 3)))
    budget = max(1, most_macs // (R * S * G))

    def part(most):
        """A dimension, and what is left of the budget for the others."""
        nonlocal budget
        value = draw(st.integers(1, max(1, min(most, budget))))
        budget //= value
        return value

    order = draw(st.permutations(("N", "M", "C", "E", "F")))
    most = {"N": 4, "M": 1024 // G, "C": 1024 // G, "E": 40, "F": 60}
    size = {name: part(most[name]) for name in order}
    H = max(1, (size["E"] - 1) * U + R - 2 * P + draw(st.integers(0, U - 1)))
    W = max(1, (size["F"] - 1) * V + S - 2 * P + draw(st.integers(0, V - 1)))
    H, W = max(H, R - 2 * P, 1), max(W, S - 2 * P, 1)
    return LayerShape(N=size["N"], M=G * size["M"], C=G * size["C"], H=H, W=W, R=R, S=S, U=U, V=V, P=P, G=G)
