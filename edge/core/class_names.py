"""Names of classes in messages and settings: the seven of FER2013, and those that models define themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypeAliasType

from edge.core.labels import NAME
from edge.core.types import Emotion

ClassName = TypeAliasType(
    "ClassName",
    Annotated[
        Emotion | Annotated[str, Field(pattern=NAME, description="class of a model with labels of its own")],
        Field(union_mode="left_to_right", description="one of the usual seven, or of the labels in info"),
    ],
)
"""An :class:`~edge.core.types.Emotion`, or another name."""
