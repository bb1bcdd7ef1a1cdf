"""A simulator of Xendit: payment requests v3, payments, refunds, payouts v2, disputes, webhooks."""
