"""Random layers for hypothesis."""

from hypothesis import strategies as st

from golden.layer import LayerShape


@st.composite
def shapes(draw):
    number = st.integers(1, 6)
    R, S, D, P, G = draw(number), draw(number), draw(st.integers(1, 3)), draw(st.integers(0, 3)), draw(number)
    return LayerShape(
        N=draw(number), M=G * draw(number), C=G * draw(number),
        H=max(1, D * (R - 1) + 1 - 2 * P) + draw(st.integers(0, 9)),
        W=max(1, D * (S - 1) + 1 - 2 * P) + draw(st.integers(0, 9)),
        R=R, S=S, U=draw(number), V=draw(st.none() | number), P=P, G=G, D=D)
