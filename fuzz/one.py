"""Fuzzes one target: `python -m fuzz.one TARGET CORPUS... [-option=value...]`, as libFuzzer has it."""

import sys

import atheris

from fuzz.mutation import mutate_json

with atheris.instrument_imports(include=["coldlight_collector", "coldlight_storage"]):
    from fuzz.targets import TARGETS


def mutate(data: bytes, most_bytes: int, seed: int) -> bytes:
    """Half of the time as JSON, where it is some."""
    changed = mutate_json(data, seed) if seed % 2 else None
    if changed is None or len(changed) > most_bytes:
        return bytes(atheris.Mutate(data, most_bytes))
    return changed


if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target, custom_mutator=mutate)
    atheris.Fuzz()
