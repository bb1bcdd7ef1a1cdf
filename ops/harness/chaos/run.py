"""Run: start the system, let orders and blows rain on it, wait until it is still, and judge it."""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Final

from ops.dev.errors import DevError
from ops.harness.chaos import counts
from ops.harness.chaos.faults import HOUSES, Providers, with_own_faults
from ops.harness.chaos.options import Options
from ops.harness.chaos.orders import TILLS, Order, orders
from ops.harness.chaos.recovery import recoveries
from ops.harness.chaos.resending import Resending
from ops.harness.chaos.result import Result
from ops.harness.chaos.rig import Rig, a_rig
from ops.harness.chaos.screen import Display
from ops.harness.chaos.shop import Shop
from ops.harness.chaos.storm import Storm, schedule
from ops.harness.verdict import Verdict, judge, ledger_files
from ops.store.engine import open_engine

#: All is well by then: every look-up has been made, every refused operation repeated, every webhook
#: delivered, those that were given up included.
SETTLED_S: Final = 300.0
#: Blows wait until their program is up; on a busy machine some fall after the last order has arrived.
OVERTIME_S: Final = 90.0
#: Providers go on failing after the storm until this share of the orders is over, or for so long.
MOSTLY: Final = 0.85
AFTERMATH_S: Final = 60.0
#: More orders than this are never waited for by people: looking at the books would be for nothing.
MOST_UNKNOWABLE: Final = 20
#: A planted bug has shown itself by then; what it keeps from ending may be left alone.
CALM_S: Final = 12.0
LOOK_EVERY_S: Final = 1.5
SHOW_EVERY_S: Final = 0.25


def run(options: Options) -> int:
    """Do it all; 0 when the verdict is clean and all else good enough, 1 when not, 2 when the
    system could not even be started."""
    display = Display()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="paylink-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    display.say(f"seed {options.seed}, in {folder}")
    begun = monotonic()
    try:
        with a_rig(folder, options.sabotage, _log(folder)) as rig:
            result = _stormed(rig, options, display, begun)
        result = replace(
            result, cpu_s=(_used_s(resource.RUSAGE_SELF), _used_s(resource.RUSAGE_CHILDREN))
        )
    except DevError as error:
        print(error, file=sys.stderr)
        return 2
    display.tables(result)
    display.say(f"{result.write(folder)}")
    if result.passed and options.folder is None:
        for server in ("postgres", "redis"):  # tens of megabytes; ledgers and logs stay
            shutil.rmtree(folder / server, ignore_errors=True)
    return 0 if result.passed else 1


def _stormed(rig: Rig, options: Options, display: Display, begun: float) -> Result:
    """Let the storm pass over a running system and return what came of it."""
    gateways = sorted(HOUSES) if options.calm else sorted(TILLS)
    wanted = _orders(options, gateways)
    providers = Providers(rig.admin_ports, options.seed, options.calm)
    blows = [] if options.calm else schedule(options.seed, options.storm_s)
    storm = Storm(rig, providers, blows, options.seed)
    shop = Shop(rig.stack.url, rig.stack.demo_key, wanted)
    for gateway in gateways:
        providers.misbehave(gateway)
    files = ledger_files(rig.folder, rig.stack.sandboxes, rig.stack.simulators)
    resending = Resending(providers, files)
    with display.live(shop.tally, storm, len(wanted)) as show:
        shop.start()
        storm.start()
        _until(lambda: False, options.storm_s, lambda: show("storm"))
        _until(lambda: storm.over, OVERTIME_S, lambda: show("storm"))
        storm.stop()
        # On a busy machine most of the work is still to be done: it is to meet its faults, too.
        _until(lambda: _mostly_over(shop, wanted), AFTERMATH_S, lambda: show("aftermath"))
        for gateway in gateways:
            providers.behave(gateway)
        settled_s = CALM_S if options.calm else SETTLED_S
        settled = _until(
            lambda: not resending() and _at_rest(rig, shop, wanted),
            settled_s,
            lambda: show("settling"),
            LOOK_EVERY_S,
        )
    shop.close()
    result = _judged(rig, options, shop, storm, providers, settled, begun)
    return replace(result, resent=len(resending.asked))


def _judged(
    rig: Rig,
    options: Options,
    shop: Shop,
    storm: Storm,
    providers: Providers,
    settled: bool,
    begun: float,
) -> Result:
    verdict = _look(rig, rig.stack.settings.secrets.audit, shop.tally.accepted)
    unknowable, parked = counts.told_apart(rig, verdict.parked)
    return Result(
        options=options,
        verdict=verdict,
        tally=shop.tally,
        settled=settled,
        unknowable=unknowable,
        parked=parked,
        transient=counts.transient(rig),
        moved=counts.moved(rig),
        refunds=counts.refunds(rig),
        recoveries=recoveries(rig, storm.struck),
        migrations=storm.migrations,
        struck=storm.struck,
        faults=providers.struck,
        took_s=monotonic() - begun,
        cpu_s=(0.0, 0.0),  # of what runs still, nothing is known yet
    )


def _orders(options: Options, gateways: Sequence[str]) -> list[Order]:
    found = orders(options.payments, options.seed, options.storm_s, gateways)
    return found if options.calm else with_own_faults(found, options.seed)


def _at_rest(rig: Rig, shop: Shop, wanted: Sequence[Order]) -> bool:
    """Whether all is over, but for orders about which nobody can know anything: they wait on."""
    left = len(wanted) - shop.tally.over
    if left > MOST_UNKNOWABLE:
        return False
    verdict = _look(rig, None, ())
    return verdict.clean and left <= len(counts.told_apart(rig, verdict.parked)[0])


def _mostly_over(shop: Shop, wanted: Sequence[Order]) -> bool:
    return shop.tally.over >= MOSTLY * len(wanted)


def _look(rig: Rig, audit_key: bytes | None, accepted: Collection[str]) -> Verdict:
    """Judge what is there now; without a key, the audit's chain is left out."""
    engine = open_engine(rig.stack.settings.database_url, "verdict", 2)
    try:
        files = ledger_files(rig.folder, rig.stack.sandboxes, rig.stack.simulators)
        return judge(engine, files, audit_key, accepted=accepted)
    finally:
        engine.dispose()


def _until(
    over: Callable[[], bool],
    within_s: float,
    show: Callable[[], None],
    look_every_s: float = SHOW_EVERY_S,
) -> bool:
    """Show how it goes until it is over; False if that took too long."""
    pause, deadline, look_at = threading.Event(), monotonic() + within_s, 0.0
    while monotonic() < deadline:
        show()
        if monotonic() >= look_at:
            begun = monotonic()
            if over():
                return True
            # Looking costs the processors that everybody else needs: at most a quarter of the time.
            look_at = monotonic() + max(look_every_s, 3 * (monotonic() - begun))
        pause.wait(min(SHOW_EVERY_S, max(0.0, deadline - monotonic())))
    return False


def _used_s(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def _log(folder: Path) -> Callable[[str], None]:
    """Keep what supervisor and servers say in a file: the screen belongs to the storm."""
    where = folder / "supervisor.log"

    def say(text: str) -> None:
        with where.open("a") as log:
            log.write(text + "\n")

    return say
