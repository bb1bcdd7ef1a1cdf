"""One account at a simulated Midtrans: the Core API's cards, wallets and transfers, and Iris."""
