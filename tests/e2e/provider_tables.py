"""How every operation ends after every fault, at every provider that is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The right end of each operation (columns) that meets each fault once (rows), by the laws: what is
#: proven not to have happened goes on or is done again, what may have happened is asked about until
#: it is known, and what nobody can know, or is not what was asked for, waits for a person.
#:
#: `made` is the first call of a sale or a hold that takes two, `payout_made` that of a payout: no
#: money was asked for yet, so losing it costs nothing, and another gateway is asked. `@a`, `@b`: at
#: the sandbox gateway that comes next, `@s`: at stripe-eu. `-`: cannot meet it: the provider has no
#: such decision or sends no such webhook, or (`refuse`) its door shuts already on the first call. Of
#: a refund its own status, else the payment's or the payout's.
#:
#: `unresolved` is parked for a person, with that reason, only where nobody can know:
#: - stripe-eu, fail_before: a 500 is kept under our key for a day, and a repetition is answered with
#:   it. Reading tells that nothing has happened, but not that nothing will.
#: - xendit-id, drop_before, fail_before, hang_before: no key protects a repetition, and nothing can
#:   be found by our reference, so a charge that was not carried out looks like one whose webhook is
#:   still on its way.
#:
#: What is declined by a bank that keeps no object of it (a refund at paypal-eu and midtrans-id, and
#: a capture) is asked for once more; a refund that is there and failed has failed.
TABLES: Final[Mapping[str, str]] = {
    "stripe-eu": """
fault                made       sale       hold         capture    void      refund     payout
drop_before          captured@a captured   authorized   captured   cancelled succeeded  succeeded
drop_after           captured@a captured   authorized   captured   cancelled succeeded  succeeded
fail_before          captured@a unresolved unresolved   unresolved cancelled unresolved unresolved
fail_after           captured@a captured   authorized   captured   cancelled succeeded  succeeded
garbage_after        captured@a captured   authorized   captured   cancelled succeeded  succeeded
hang_before          captured@a captured   authorized   captured   cancelled succeeded  succeeded
hang_after           captured@a captured   authorized   captured   cancelled succeeded  succeeded
drip_after           captured@a captured   authorized   captured   cancelled succeeded  succeeded
latency              captured   captured   authorized   captured   cancelled succeeded  succeeded
rate_limited         captured@a captured@a authorized@a captured   cancelled succeeded  succeeded@a
unavailable          captured@a captured   authorized   captured   cancelled succeeded  succeeded
refuse               captured@a -          -            captured   cancelled succeeded  succeeded@a
soft_decline         -          captured@a authorized@a -          -         -          succeeded@a
hard_decline         -          failed     failed       -          -         failed     failed
wrong_amount         -          mismatch   mismatch     mismatch   -         mismatch   mismatch
later                -          captured   authorized   -          -         succeeded  -
later_decline        -          captured@a authorized@a -          -         failed     -
asks                 -          captured   authorized   -          -         -          -
payout_returned      -          -          -            -          -         -          failed
chargeback           -          reversed   -            -          -         -          -
webhooks_off         -          captured   authorized   captured   cancelled succeeded  succeeded
webhook_duplicate    -          captured   authorized   captured   cancelled succeeded  succeeded
webhook_late         -          captured   authorized   captured   cancelled succeeded  succeeded
webhook_early        -          captured   authorized   captured   cancelled succeeded  succeeded
webhook_out_of_order -          captured   authorized   captured   cancelled succeeded  succeeded
""",
    "paypal-eu": """
fault                made       sale       hold         capture  void      refund    payout
drop_before          captured@s captured   authorized   captured cancelled succeeded succeeded
drop_after           captured@s captured   authorized   captured cancelled succeeded succeeded
fail_before          captured@s captured   authorized   captured cancelled succeeded succeeded
fail_after           captured@s captured   authorized   captured cancelled succeeded succeeded
garbage_after        captured@s captured   authorized   captured cancelled succeeded succeeded
hang_before          captured@s captured   authorized   captured cancelled succeeded succeeded
hang_after           captured@s captured   authorized   captured cancelled succeeded succeeded
drip_after           captured@s captured   authorized   captured cancelled succeeded succeeded
latency              captured   captured   authorized   captured cancelled succeeded succeeded
rate_limited         captured@s captured   authorized   captured cancelled succeeded succeeded@a
unavailable          captured@s captured   authorized   captured cancelled succeeded succeeded
refuse               captured@s -          -            captured cancelled succeeded succeeded@a
soft_decline         -          captured@s authorized@s captured -         succeeded succeeded@a
hard_decline         -          failed     failed       -        -         failed    -
wrong_amount         -          mismatch   mismatch     mismatch -         mismatch  mismatch
later                -          captured   authorized   captured -         succeeded -
later_decline        -          captured@s authorized@s -        -         -         -
asks                 -          captured   authorized   -        -         -         -
payout_returned      -          -          -            -        -         -         failed
chargeback           -          reversed   -            -        -         -         -
webhooks_off         -          captured   authorized   captured cancelled succeeded succeeded
webhook_duplicate    -          captured   authorized   captured cancelled succeeded succeeded
webhook_late         -          captured   authorized   captured cancelled succeeded succeeded
webhook_early        -          captured   authorized   captured cancelled succeeded succeeded
webhook_out_of_order -          captured   authorized   captured cancelled succeeded succeeded
""",
    "midtrans-id": """
fault                sale       hold         capture  void      refund    payout_made payout
drop_before          captured   authorized   captured cancelled succeeded succeeded@b succeeded
drop_after           captured   authorized   captured cancelled succeeded succeeded@b succeeded
fail_before          captured   authorized   captured cancelled succeeded succeeded@b succeeded
fail_after           captured   authorized   captured cancelled succeeded succeeded@b succeeded
garbage_after        captured   authorized   captured cancelled succeeded succeeded@b succeeded
hang_before          captured   authorized   captured cancelled succeeded succeeded@b succeeded
hang_after           captured   authorized   captured cancelled succeeded succeeded@b succeeded
drip_after           captured   authorized   captured cancelled succeeded succeeded@b succeeded
latency              captured   authorized   captured cancelled succeeded succeeded   succeeded
rate_limited         captured@b authorized@b captured cancelled succeeded succeeded@b succeeded@b
unavailable          captured   authorized   captured cancelled succeeded succeeded@b succeeded
refuse               captured@b authorized@b captured cancelled succeeded succeeded@b -
soft_decline         captured@b authorized@b -        -         succeeded -           succeeded@b
hard_decline         failed     failed       -        -         succeeded -           failed
wrong_amount         mismatch   mismatch     mismatch -         mismatch  -           mismatch
later                captured   authorized   -        -         -         -           -
later_decline        captured@b authorized@b -        -         -         -           failed
asks                 captured   authorized   -        -         -         -           -
payout_returned      -          -            -        -         -         -           failed
chargeback           reversed   -            -        -         -         -           -
webhooks_off         captured   authorized   captured cancelled succeeded -           succeeded
webhook_duplicate    captured   authorized   captured cancelled succeeded -           succeeded
webhook_late         captured   authorized   captured cancelled succeeded -           succeeded
webhook_early        captured   authorized   captured cancelled succeeded -           succeeded
webhook_out_of_order captured   authorized   captured cancelled succeeded -           succeeded
""",
    "xendit-id": """
fault                sale       hold         capture  void      refund    payout
drop_before          unresolved unresolved   captured cancelled succeeded succeeded
drop_after           captured   authorized   captured cancelled succeeded succeeded
fail_before          unresolved unresolved   captured cancelled succeeded succeeded
fail_after           captured   authorized   captured cancelled succeeded succeeded
garbage_after        captured   authorized   captured cancelled succeeded succeeded
hang_before          unresolved unresolved   captured cancelled succeeded succeeded
hang_after           captured   authorized   captured cancelled succeeded succeeded
drip_after           captured   authorized   captured cancelled succeeded succeeded
latency              captured   authorized   captured cancelled succeeded succeeded
rate_limited         captured@b authorized@b captured cancelled succeeded succeeded@b
unavailable          captured@b authorized@b captured cancelled succeeded succeeded@b
refuse               captured@b authorized@b captured cancelled succeeded succeeded@b
soft_decline         captured@b authorized@b -        -         failed    -
hard_decline         failed     failed       -        -         failed    -
wrong_amount         mismatch   mismatch     mismatch -         mismatch  mismatch
later                captured   authorized   -        -         succeeded -
later_decline        captured@b authorized@b -        -         failed    -
asks                 captured   authorized   -        -         -         -
payout_returned      -          -            -        -         -         failed
chargeback           reversed   -            -        -         -         -
webhooks_off         captured   authorized   captured -         succeeded succeeded
webhook_duplicate    captured   authorized   captured -         succeeded succeeded
webhook_late         captured   authorized   captured -         succeeded succeeded
webhook_early        captured   authorized   captured -         succeeded succeeded
webhook_out_of_order captured   authorized   captured -         succeeded succeeded
""",
    "soapbank-ch": """
fault                sale       hold         capture  void      refund    payout_made payout
drop_before          captured   authorized   captured cancelled succeeded succeeded@a succeeded
drop_after           captured   authorized   captured cancelled succeeded succeeded@a succeeded
fail_before          captured   authorized   captured cancelled succeeded succeeded@a succeeded
fail_after           captured   authorized   captured cancelled succeeded succeeded@a succeeded
garbage_after        captured   authorized   captured cancelled succeeded succeeded@a succeeded
hang_before          captured   authorized   captured cancelled succeeded succeeded@a succeeded
hang_after           captured   authorized   captured cancelled succeeded succeeded@a succeeded
drip_after           captured   authorized   captured cancelled succeeded succeeded@a succeeded
latency              captured   authorized   captured cancelled succeeded succeeded   succeeded
rate_limited         captured@a authorized@a captured cancelled succeeded succeeded@a succeeded@a
unavailable          captured@a authorized@a captured cancelled succeeded succeeded@a succeeded@a
refuse               captured@a authorized@a captured cancelled succeeded succeeded@a -
soft_decline         captured@a authorized@a captured -         failed    -           succeeded@a
hard_decline         failed     failed       expired  -         failed    -           failed
wrong_amount         mismatch   mismatch     mismatch -         mismatch  -           mismatch
later                captured   authorized   captured -         succeeded -           -
later_decline        captured@a authorized@a expired  -         failed    -           -
payout_returned      -          -            -        -         -         -           failed
chargeback           reversed   -            -        -         -         -           -
webhooks_off         captured   authorized   captured cancelled succeeded -           succeeded
webhook_duplicate    captured   authorized   captured cancelled succeeded -           succeeded
webhook_late         captured   authorized   captured cancelled succeeded -           succeeded
webhook_early        captured   authorized   captured cancelled succeeded -           succeeded
webhook_out_of_order captured   authorized   captured cancelled succeeded -           succeeded
""",
}
