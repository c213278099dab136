"""YAML as Accelergy and Timeloop read it: nodes of an architecture have tags."""

from typing import Any

import yaml

__all__ = ["VERSION", "Node", "Quoted", "to_yaml"]

VERSION = 0.4


class Node(dict[str, Any]):
    """A node of an architecture.

    Parameters
    ----------
    tag : str
        Container, Component, or Parallel.
    fields : keyword arguments
        None is left out.
    """

    def __init__(self, tag: str, **fields: Any) -> None:
        super().__init__({name: value for name, value in fields.items() if value is not None})
        self.tag = tag


class Quoted(str):
    """A text that stands in quotes: without them, these tools take texts for expressions."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(Quoted, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style='"'))
_Dumper.add_representer(Node, lambda dumper, node: dumper.represent_mapping(f"!{node.tag}", node))


def to_yaml(table: dict[str, Any]) -> str:
    """The text of a file."""
    return yaml.dump(table, Dumper=_Dumper, sort_keys=False, width=118)
