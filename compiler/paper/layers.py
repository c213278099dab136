"""The layers the paper measured: AlexNet's and VGG-16's convolutions, for one ifmap each.

Sizes are before padding and C counts the channels of all groups, whereas the paper's tables give padded sizes
and the channels that one filter sees.
"""

from difflib import get_close_matches

from golden.layer import LayerShape

__all__ = ["CATALOGUE", "lookup"]

#: Layer name -> shape, for N = 1.
CATALOGUE: dict[str, LayerShape] = {
    name: LayerShape.parse(text) for name, text in {
        "alexnet/CONV1": "M=96,C=3,H=227,W=227,R=11,U=4",
        "alexnet/CONV2": "M=256,C=96,H=27,W=27,R=5,P=2,G=2",
        "alexnet/CONV3": "M=384,C=256,H=13,W=13,R=3,P=1",
        "alexnet/CONV4": "M=384,C=384,H=13,W=13,R=3,P=1,G=2",
        "alexnet/CONV5": "M=256,C=384,H=13,W=13,R=3,P=1,G=2",
        "vgg16/CONV1-1": "M=64,C=3,H=224,W=224,R=3,P=1",
        "vgg16/CONV1-2": "M=64,C=64,H=224,W=224,R=3,P=1",
        "vgg16/CONV2-1": "M=128,C=64,H=112,W=112,R=3,P=1",
        "vgg16/CONV2-2": "M=128,C=128,H=112,W=112,R=3,P=1",
        "vgg16/CONV3-1": "M=256,C=128,H=56,W=56,R=3,P=1",
        "vgg16/CONV3-2": "M=256,C=256,H=56,W=56,R=3,P=1",
        "vgg16/CONV3-3": "M=256,C=256,H=56,W=56,R=3,P=1",
        "vgg16/CONV4-1": "M=512,C=256,H=28,W=28,R=3,P=1",
        "vgg16/CONV4-2": "M=512,C=512,H=28,W=28,R=3,P=1",
        "vgg16/CONV4-3": "M=512,C=512,H=28,W=28,R=3,P=1",
        "vgg16/CONV5-1": "M=512,C=512,H=14,W=14,R=3,P=1",
        "vgg16/CONV5-2": "M=512,C=512,H=14,W=14,R=3,P=1",
        "vgg16/CONV5-3": "M=512,C=512,H=14,W=14,R=3,P=1",
    }.items()
}


def lookup(name: str) -> LayerShape:
    """The shape of a layer of the catalogue, for N = 1.

    Parameters
    ----------
    name : str
        Such as ``alexnet/CONV1``; upper and lower case are the same.

    Raises
    ------
    ValueError
        If there is no such layer; the message names the closest ones.
    """
    by_folded_name = {known.casefold(): known for known in CATALOGUE}
    folded = name.casefold()
    if folded in by_folded_name:
        return CATALOGUE[by_folded_name[folded]]
    close = [by_folded_name[match] for match in get_close_matches(folded, by_folded_name, n=3)]
    expected = f"a layer such as {' or '.join(close)}" if close else "a layer that `eyeriss layers` lists"
    raise ValueError(f"layer must be {expected}, not {name!r}")
