import ast
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from threading import Event, Thread
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.instrumentation.recordings import recording

from coldlight_lambda import patches

Patch = Callable[[Any], None]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Patch], str]]:
    """Makes a library, not imported yet, whose patch is the given one; gives its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(patch: Patch) -> str:
        (tmp_path / "warehouse.py").write_text("LOADER = __spec__.loader\ndef stock():\n    return 1\n")
        monkeypatch.setitem(patches.PATCHES, "warehouse", "warehouse")
        module: Any = SimpleNamespace(patch=patch)
        monkeypatch.setitem(sys.modules, "coldlight_lambda.patches.warehouse", module)
        return "warehouse"

    yield make
    sys.modules.pop("warehouse", None)


def doubled(module: Any) -> None:
    patches.replace(module, "stock", lambda original: lambda: 2 * original())


def half_done(module: Any) -> None:
    doubled(module)
    raise RuntimeError("this version is not known")


def test_a_library_is_patched_when_it_is_imported(library: Callable[[Patch], str]) -> None:
    name = library(doubled)
    with recording():
        assert name not in sys.modules
        assert importlib.import_module(name).stock() == 2


def test_a_library_that_was_imported_before_is_patched_at_once(library: Callable[[Patch], str]) -> None:
    module = importlib.import_module(library(doubled))
    with recording():
        assert module.stock() == 2


def test_installing_twice_patches_once(library: Callable[[Patch], str]) -> None:
    module = importlib.import_module(library(doubled))
    with recording():
        patches.install()
        assert module.stock() == 2


def test_a_library_that_is_reloaded_is_patched_again(library: Callable[[Patch], str]) -> None:
    with recording():
        module = importlib.import_module(library(doubled))
        assert importlib.reload(module).stock() == 2


def test_a_patch_that_fails_leaves_its_library_as_it_was(
    library: Callable[[Patch], str], capsys: pytest.CaptureFixture[str]
) -> None:
    with recording():
        module = importlib.import_module(library(half_done))
    assert module.stock() == 1
    assert capsys.readouterr().err == (
        "coldlight: warehouse could not be patched, and is not recorded: RuntimeError: this version is not known\n"
    )


@pytest.mark.parametrize("fails", [False, True])
def test_imports_of_two_threads_never_wait_for_each_other(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread imports `depot` when the patch of `warehouse` in the other one imports it, too."""
    begun, wanted = Event(), Event()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "between", SimpleNamespace(begun=begun, wanted=wanted))
    (tmp_path / "warehouse.py").write_text("def stock():\n    return 1\n")
    (tmp_path / "depot.py").write_text(
        "import between\nbetween.begun.set()\nbetween.wanted.wait(10)\ndef stock():\n    return 3\n"
    )

    def patch(module: Any) -> None:
        doubled(module)
        if module.__name__ == "warehouse":
            begun.wait(10)
            wanted.set()
            importlib.import_module("depot")
            if fails:
                raise RuntimeError("this version is not known")

    for name in ("warehouse", "depot"):
        monkeypatch.setitem(patches.PATCHES, name, name)
        monkeypatch.setitem(sys.modules, f"coldlight_lambda.patches.{name}", SimpleNamespace(patch=patch))
    with recording():
        threads = [
            Thread(target=importlib.import_module, args=(name,), daemon=True)
            for name in ("warehouse", "depot")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)
        warehouse, depot = sys.modules.pop("warehouse"), sys.modules.pop("depot")
        assert (warehouse.stock(), depot.stock()) == (1 if fails else 2, 6)


def test_a_library_sees_its_own_loader(library: Callable[[Patch], str]) -> None:
    with recording():
        module: Any = importlib.import_module(library(doubled))
    for loader in (module.LOADER, module.__loader__, module.__spec__.loader):
        assert type(loader) is SourceFileLoader


def test_a_library_that_cannot_be_imported_fails_as_ever(
    library: Callable[[Patch], str], tmp_path: Path
) -> None:
    name = library(doubled)
    (tmp_path / "warehouse.py").write_text("import nothing_of_that_name\n")
    with recording(), pytest.raises(ModuleNotFoundError, match="No module named 'nothing_of_that_name'"):
        importlib.import_module(name)
    assert name not in sys.modules


def test_one_that_is_not_there_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(patches.PATCHES, "nowhere", "nowhere")
    with recording(), pytest.raises(ModuleNotFoundError, match="No module named 'nowhere'"):
        importlib.import_module("nowhere")


def test_a_library_can_be_looked_for_without_importing_it(library: Callable[[Patch], str]) -> None:
    name = library(doubled)
    with recording():
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        assert spec.loader.get_source(name).startswith("LOADER")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(set(patches.PATCHES.values())))
def test_every_patch_that_is_named_is_there(name: str) -> None:
    module: ModuleType = importlib.import_module(f"coldlight_lambda.patches.{name}")
    assert callable(module.patch)


def test_installing_imports_no_library() -> None:
    script = (
        "import sys; from coldlight_lambda import patches; patches.install();"
        "names = {name.partition('.')[0] for name in sys.modules} - {'coldlight_lambda'};"
        "print(sorted(names - sys.stdlib_module_names - {'__main__'}), 'asyncio' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True, env=_env()
    )
    assert told.stdout.strip() == "[] False"


def test_every_library_bears_to_be_patched_while_it_is_imported() -> None:
    libraries = (
        "aiohttp httpx opentelemetry.trace psycopg psycopg2 pymongo pymysql redis requests sqlalchemy urllib3"
    )
    script = f"""
from coldlight_lambda import patches
patches.install()
import {libraries.replace(" ", ", ")}, concurrent.futures.thread, redis.asyncio.cluster
print(sorted({{owner.__module__.partition(".")[0] for owner, _, _ in patches._replaced if isinstance(owner, type)}}))
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_env()
    )
    assert told.stderr == ""
    patched = set(ast.literal_eval(told.stdout))
    assert patched >= set(libraries.replace("opentelemetry.trace", "opentelemetry").split()) - {
        "psycopg2",
        "pymongo",
    }


def test_modules_of_the_layer_that_are_taken_out_of_sys_modules_come_back_as_they_were() -> None:
    """A hot reloader's way; a new module of masking would know nothing of COLDLIGHT_MASK_KEYS."""
    script = """
import importlib, sys
from coldlight_lambda import masking, patches
patches.install()
masking.set_up(["iban"])
before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("coldlight_lambda")}
print([name for name in sorted(before, reverse=True) if importlib.import_module(name) is not before[name]])
from coldlight_lambda import masking
from coldlight_lambda.shipper import pace  # for the first time
print(masking.is_secret("iban"), masking.__spec__.loader is masking.__loader__)
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_env()
    )
    assert told.stdout.splitlines() == ["[]", "True True"]


def _env() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(patches.__file__).parents[2])}
