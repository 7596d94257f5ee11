"""What the provider holds in memory while hosts use it, and how soon it tells its schema."""

import statistics

from folders import Folder
from load import FIRST
from provider_process import Memory, debugged

SCHEMA_RUNS = 15


def after_use(provider, count, namespace):
    """Memory after a plan of one new rollout, which configures it, and after `count` rollouts were created and
    refreshed."""
    with debugged(provider) as (process, reattach):
        with Folder.of_rollouts(1, namespace) as folder:
            folder.run("plan", *folder.options(FIRST), **reattach)
        configured = Memory(process)
        with Folder.of_rollouts(count, namespace) as folder:
            folder.apply(FIRST, **reattach)
            folder.empty_plan(FIRST, **reattach)
        return configured, Memory(process)


def schema_milliseconds(provider, namespace):
    """Milliseconds by which `tofu providers schema` is slower with the provider than with none, and whether that
    stands out from what the command varies by itself. The provider runs already: its start is another figure."""
    with debugged(provider) as (_, reattach), Folder.of_rollouts(1, namespace) as ours, \
            Folder.of_data(1, namespace) as nothing:
        with_it, without = [], []
        for _ in range(SCHEMA_RUNS):  # in turns: the machine may become slower meanwhile
            with_it.append(1000 * ours.run("providers", "schema", "-json", **reattach))
            without.append(1000 * nothing.run("providers", "schema", "-json"))
    difference = statistics.median(with_it) - statistics.median(without)
    quarters = statistics.quantiles(without, n=4)
    return difference, difference > quarters[2] - quarters[0]
