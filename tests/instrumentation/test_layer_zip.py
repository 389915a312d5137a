"""The zip of the layer, as `make layer` writes it."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from layer_build import archive, pythons
from layer_build.__main__ import WITH_BYTECODE

SOURCES = archive.HERE.parent


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With bytecode for those of Lambda's Pythons that this machine has."""
    here = [python for python in map(pythons.find, WITH_BYTECODE) if python]
    output = tmp_path_factory.mktemp("dist") / "layer.zip"
    archive.write(archive.files(here), output)
    return output


def build(folder: Path, output: Path, **environment: str) -> str:
    """The digest of what `make layer` writes from a copy of the sources, with the bytecode of one Python."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = [sys.executable, "-m", "layer_build", "--output", str(output), "--pythons", version]
    subprocess.run(command, cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True)
    return hashlib.sha256(output.read_bytes()).hexdigest()


def test_it_has_at_most_one_megabyte(layer: Path) -> None:
    assert layer.stat().st_size <= 1_000_000


def test_it_has_the_folders_that_lambda_expects(layer: Path) -> None:
    names = zipfile.ZipFile(layer).namelist()
    assert "python/coldlight_lambda/__init__.py" in names
    assert {name.partition("/")[0] for name in names} <= {"python", "extensions", "coldlight"}
    assert names == sorted(names)


def test_every_module_is_there_as_source_and_none_of_the_build(layer: Path) -> None:
    names = {name for name in zipfile.ZipFile(layer).namelist() if name.endswith(".py")}
    assert names == {
        f"python/{path.relative_to(SOURCES).as_posix()}" for path in archive.PACKAGE.rglob("*.py")
    }


def test_scripts_may_be_executed_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "layer/extensions").mkdir(parents=True)
    for name in ("coldlight", "extensions/coldlight"):
        (tmp_path / "layer" / name).write_text("#!/bin/sh\n")
    monkeypatch.setattr(archive, "SCRIPTS", tmp_path / "layer")
    archive.write(archive.files([]), tmp_path / "layer.zip")
    modes = {
        entry.filename: stat.S_IMODE(entry.external_attr >> 16)
        for entry in zipfile.ZipFile(tmp_path / "layer.zip").infolist()
    }
    assert {name for name, mode in modes.items() if mode == 0o755} == {"coldlight", "extensions/coldlight"}
    assert set(modes.values()) == {0o755, 0o644}


def test_the_same_sources_give_the_same_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    digests = set()
    for number, seed in enumerate(("1", "2")):
        folder = tmp_path / str(number) / ("deeper" * number)
        shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for path in folder.rglob("*"):
            os.utime(path, (10**9 * number, 10**9 * number))
            path.chmod(0o700 if number else 0o755)
        digests.add(
            build(folder, tmp_path / f"{number}.zip", TZ=f"UTC{number}", PYTHONHASHSEED=seed, LC_ALL="C")
        )
    assert len(digests) == 1


def test_a_machine_without_one_of_the_pythons_writes_no_zip(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "layer_build",
        "--output",
        str(tmp_path / "layer.zip"),
        "--pythons",
        "3.99",
    ]
    done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("layer: there is no Python 3.99")
    assert not (tmp_path / "layer.zip").exists()


def test_a_zlib_that_compresses_otherwise_writes_no_zip(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(archive, "_SAMPLE", archive._SAMPLE + b"!")
    with pytest.raises(archive.CannotBuild, match="compresses otherwise"):
        archive.write({}, tmp_path / "layer.zip")
