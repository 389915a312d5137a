import subprocess
import sys

import coldlight_lambda


def test_the_layer_has_a_version() -> None:
    assert coldlight_lambda.__version__ == "0.1.0"


def test_importing_the_layer_loads_nothing_but_the_standard_library() -> None:
    script = (
        "import sys; before = set(sys.modules); import coldlight_lambda;"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before} - {'coldlight_lambda'};"
        "print(sorted(loaded - sys.stdlib_module_names))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
