"""`python -m layer_build [--output FILE] [--pythons 3.12 3.13]`: writes the layer's zip and says its size and digest."""

import argparse
import hashlib
import sys
from pathlib import Path

from layer_build import archive, pythons

WITH_BYTECODE = ("3.9", "3.10", "3.11", "3.12", "3.13")
"""A fixed list, not what a machine happens to have. Elsewhere, as on 3.14, the sources are compiled at each cold start."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="layer_build", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("dist/coldlight-lambda-python.zip"))
    parser.add_argument("--pythons", nargs="*", default=WITH_BYTECODE, help="versions to ship bytecode for")
    asked = parser.parse_args()
    try:
        archive.write(archive.files([_python(version) for version in asked.pythons]), asked.output)
    except archive.CannotBuild as problem:
        sys.exit(f"layer: {problem}")
    content = asked.output.read_bytes()
    print(f"{asked.output}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


def _python(version: str) -> Path:
    found = pythons.find(version)
    if found is None:
        fix = f"install it (`uv python install {version}`), or leave it out with --pythons, for a zip with other bytes"
        raise archive.CannotBuild(f"there is no Python {version}, whose bytecode belongs into the zip: {fix}")
    return found


if __name__ == "__main__":
    main()
