"""How long an image policy takes to order many tags, as image_policy_bench (Google Benchmark) measures it."""

import json
import pathlib
import subprocess


def measure(provider):
    """(name, milliseconds, bytes a tag at the peak) of each benchmark of the same build; none where it is not built."""
    program = pathlib.Path(provider).with_name("image_policy_bench")
    if not program.exists():
        return []
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.2"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return [(one["name"].removeprefix("BM_"), one["real_time"], one["peak_bytes_per_tag"])
            for one in json.loads(done.stdout)["benchmarks"]]
