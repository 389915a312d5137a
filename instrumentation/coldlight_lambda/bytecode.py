"""The layer's bytecode as its zip ships it: one file for each version of Python, `compiled/<cache tag>`.

A layer's folder is read-only, so without bytecode every cold start would compile. One file instead of a `.pyc` beside every source takes
two thirds of the room in the zip, and less time: a module costs no look at the disk. The file holds, behind Python's magic number and the
size of the index (4 bytes each, little-endian), the index (marshal: module to begin, end and whether it is a package) and the code.

It serves this package alone, as an entry of its `__path__`. Without a file for this Python, or with one for another, the sources serve.
"""

from __future__ import annotations

import _imp
import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Optional
else:
    ModuleSpec = type(__spec__)  # without importing importlib.machinery


class Compiled:
    """The finder and loader of the modules in one file (language reference, "The import system")."""

    def __init__(self, path: str, folder: str) -> None:
        with open(path, "rb") as file:
            content = file.read()
        if content[:4] != sys.modules["_frozen_importlib_external"].MAGIC_NUMBER:
            raise ImportError(f"{path} is for another Python")
        begin = 8 + int.from_bytes(content[4:8], "little")
        self._index: dict[str, tuple[int, int, bool]] = marshal.loads(content[8:begin])
        self._codes = memoryview(content)[begin:]
        self._path, self._folder = path, folder

    def find_spec(self, name: str, target: Optional[ModuleType] = None) -> ModuleSpec | None:
        found = self._index.get(name)
        if found is None:
            return None
        source = self._source(name, found[2])
        spec = ModuleSpec(name, self, origin=source, is_package=found[2])  # type: ignore[arg-type]
        spec.has_location = True
        if found[2]:
            spec.submodule_search_locations = [self._path, source[: -len("/__init__.py")]]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """None: a module as any other."""

    def get_code(self, name: str) -> CodeType:
        begin, end, is_package = self._index[name]
        code: CodeType = marshal.loads(self._codes[begin:end])
        _imp._fix_co_filename(code, self._source(name, is_package))  # type: ignore[attr-defined]
        return code

    def _source(self, name: str, is_package: bool) -> str:
        place = self._folder + name[name.index(".") :].replace(".", "/")
        return f"{place}/__init__.py" if is_package else f"{place}.py"

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - what loading a module is


def use(path: list[str]) -> None:
    """Puts the file for this Python, if there is one, before the sources in a package's `__path__`."""
    name = f"{path[0]}/compiled/{sys.implementation.cache_tag}"
    try:
        compiled = Compiled(name, path[0])
    except (OSError, ImportError, ValueError, EOFError, TypeError):
        return  # from a checkout or from pip, or a Python that came later: it compiles, as for any package

    def hook(entry: str) -> Compiled:
        if entry != name:
            raise ImportError
        return compiled

    sys.path_hooks.insert(0, hook)
    path.insert(0, name)
