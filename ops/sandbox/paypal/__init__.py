"""A simulator of PayPal: Orders v2, Payments v2, Payouts v1, disputes and signed webhooks."""
