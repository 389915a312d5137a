"""What the annotations of models say of their members."""

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def bare(annotation: Any) -> Any:
    """The annotation without what is said about it (`Annotated`), and without None; of a choice of several, `Any`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return bare(get_args(annotation)[0])
    if origin in (Union, UnionType):
        choices = [choice for choice in get_args(annotation) if choice is not NoneType]
        return bare(choices[0]) if len(choices) == 1 else Any
    return annotation


def as_model(annotation: Any) -> type[BaseModel] | None:
    """The model that a bare annotation is, if it is one."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def listed_model(annotation: Any) -> type[BaseModel] | None:
    """The model of which a bare annotation is a list, if it is one."""
    return as_model(bare(get_args(annotation)[0])) if get_origin(annotation) is list else None
