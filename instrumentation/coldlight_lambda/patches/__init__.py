"""Patches of libraries, each applied only once the function's own code imports its library.

`install` puts a finder in front of the import system that knows the names below and the layer's own, and nothing else: every other
import costs one look-up in a dictionary. Each patch is a module with `patch(module: Any) -> None`, which gets the library's module when
it has just been executed, and changes it through `replace`. A patch that fails is undone.
"""

from __future__ import annotations

import importlib
import sys
from contextvars import ContextVar
from functools import update_wrapper
from types import ModuleType

import coldlight_lambda
from coldlight_lambda.recorder import contained, is_interruption, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from typing import Any

_OURS = "coldlight_lambda"
PATCHES = {
    "aiobotocore.client": "botocore",
    "aiohttp.client": "aiohttp",
    "awslambdaric.lambda_runtime_marshaller": "awslambdaric",
    "botocore.client": "botocore",
    "concurrent.futures.thread": "threads",
    "http.client": "http_client",
    "httpx": "httpx",
    "opentelemetry.trace": "opentelemetry_api",
    "psycopg": "psycopg",
    "psycopg2": "psycopg2",
    "pymongo.monitoring": "pymongo",
    "pymysql.cursors": "pymysql",
    "redis.asyncio.client": "redis",
    "redis.asyncio.cluster": "redis",
    "redis.client": "redis",
    "redis.cluster": "redis",
    "requests.sessions": "requests",
    "sqlalchemy.engine": "sqlalchemy",
    "threading": "threads",
    "urllib3.connectionpool": "urllib3",
    "urllib3.poolmanager": "urllib3",
}
"""Of each module the name of its patch, a module beside this one."""

_replaced: list[tuple[Any, str, Any]] = []
"""What stood where something of ours stands now: the owner, the name of the attribute, and the original."""
_under_way: ContextVar[list[tuple[Any, str, Any]]] = ContextVar("coldlight_patch", default=_replaced)
"""The same, of the patch that this thread applies."""


def install() -> None:
    """From now on patches what is imported, and what has been imported already."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name in PATCHES:
        module = sys.modules.get(name)
        if module is not None:
            _apply(name, module)


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Puts `make(original)` where `owner` has a function, method or class of its own; once, however often it is asked to.

    Raises AttributeError where the owner has nothing of that name.
    """
    original = vars(owner).get(name) or getattr(owner, name)
    if getattr(original, "__coldlight__", False):
        return
    replacement = make(original)
    if not isinstance(replacement, (type, property)):
        update_wrapper(replacement, original)
        replacement.__coldlight__ = True
    _under_way.get().append((owner, name, original))
    setattr(owner, name, replacement)


def _apply(name: str, module: ModuleType) -> None:
    """Patches a module, or leaves it as it was. Holds no lock: a patch imports, and imports of two threads wait for each other."""
    own: list[tuple[Any, str, Any]] = []
    token = _under_way.set(own)
    try:
        importlib.import_module(f"{__name__}.{PATCHES[name]}").patch(module)
    except BaseException as error:
        contained(_undo, own)
        if contained(is_interruption, error):
            raise
        contained(
            tell, f"{name} could not be patched, and is not recorded", f"{type(error).__name__}: {error}"
        )
    else:
        _replaced.extend(own)
    finally:
        _under_way.reset(token)


def _undo(own: list[tuple[Any, str, Any]]) -> None:
    while own:
        setattr(*own.pop())


class _Finder:
    """Finds as the finders behind it do, and sees to it that the patch follows the module's execution."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name in PATCHES:
            return contained(self._found, name, path, target)
        return contained(_kept, name) if name.startswith(_OURS) else None

    def _found(self, name: str, path: Any, target: Any) -> ModuleSpec | None:
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)  # type: ignore[assignment]  # a loader by its methods
                return spec
        return None


def _kept(name: str) -> ModuleSpec | None:
    """Of a module of ours that was loaded before: whoever takes modules out of `sys.modules`, as hot reloaders do, gets the same ones
    again, with what they have been set to: where to send to, and what to mask."""
    module: Any = coldlight_lambda
    package, *parts = name.split(".")
    for part in parts:
        module = vars(module).get(part)
        if type(module) is not ModuleType:
            return None
    if package != _OURS:
        return None
    spec: ModuleSpec = type(module.__spec__)(name, _Keeper(module))  # without importing importlib.machinery
    return spec


class _Keeper:
    """Loads what is loaded already."""

    def __init__(self, module: Any) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._module

    def exec_module(self, module: Any) -> None:
        module.__spec__ = self._spec


class _Loader:
    """Stands for a module's own loader until the module is executed; nothing of it is to be seen after that."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def exec_module(self, module: Any) -> None:
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        _apply(module.__spec__.name, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
