"""A simulator of Stripe: PaymentIntents, refunds, payouts, disputes, its keys and its webhooks."""
