"""A stop that comes while Coldlight still starts is a stop like any other."""

import signal
import subprocess
from pathlib import Path

import pytest
from tests.system.processes import ANY_PORTS, COLDLIGHT, STOP_S, environment, eventually


def catches_sigterm(process: "subprocess.Popen[str]") -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    [mask] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_the_first_moment_is_orderly(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [COLDLIGHT, "up", "--data", str(tmp_path / "data"), *ANY_PORTS],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        eventually(lambda: catches_sigterm(process), "the process to look at signals")
        process.send_signal(number)
        said, errors = process.communicate(timeout=STOP_S)
    assert (process.returncode, said, errors) == (0, "", "")
