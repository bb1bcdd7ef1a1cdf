"""python -m workers [--queues NAME ...]: the worker program, with its numbers from the settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from ops.settings import BadSettings, Settings


def main() -> int:
    """Hand over to dramatiq's own command: its master forks, watches and stops the processes."""
    try:
        settings = Settings.with_stores(os.environ)
    except BadSettings as error:
        print(error, file=sys.stderr)
        return 2
    from ops.telemetry.directory import own_directory

    with own_directory("worker"):  # before anything imports the metrics
        from dramatiq import cli

        arguments = [
            "workers.main:setup",
            *("--processes", str(settings.worker_processes)),
            *("--threads", str(settings.worker_threads)),
            *("--worker-shutdown-timeout", str(int(settings.drain_s * 1000))),
            "--skip-logging",
            *sys.argv[1:],
        ]
        parse: Callable[[list[str]], Any] = cli.make_argument_parser().parse_args  # type: ignore[no-untyped-call]
        return int(cli.main(parse(arguments)) or 0)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    sys.exit(main())
