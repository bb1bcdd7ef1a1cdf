"""What the guide page says of the simulated Stripe in particular."""

from ops.sandbox.stage.provider import Section
from ops.sandbox.stripe.cards import FAILING_ACCOUNTS, TEST_METHODS, Behaviour


def _does(card: Behaviour) -> str:
    said = ["charged" if not card.code else f"declined: {card.decline_code or card.code}"]
    if card.three_ds == "required":
        said.insert(0, "the payer's bank always asks first; then")
    if card.three_ds == "optional":
        said.append("the payer's bank asks first where 3DS is asked for")
    if card.refund == "pending":
        said.append("its refund is pending first")
    if card.refund == "fails":
        said.append("its refund succeeds, and fails after --async-delay-s")
    if card.dispute:
        said.append(f"disputed after --async-delay-s: {card.dispute}")
    return ", ".join(said).replace("then,", "then")


SECTIONS = (
    Section(
        "Payment methods (or POST /v1/payment_methods with the card's number)",
        tuple((f"{name} ({card.number})", _does(card)) for name, card in TEST_METHODS.items()),
    ),
    Section(
        "PayPal: payment_method_data[type]=paypal, in the currencies that it takes",
        (
            ("confirmed with a return_url", "the payer approves or declines on a page"),
            ("saved by somebody, and charged with their customer", "charged without asking"),
        ),
    ),
    Section(
        "Destinations of payouts",
        (
            ("ba_..., method=standard", "paid after --async-delay-s"),
            ("card_..., method=instant", "paid after --async-delay-s"),
            *((name, f"paid, and comes back: {code}") for name, code in FAILING_ACCOUNTS.items()),
        ),
    ),
    Section(
        "Levers of this provider",
        (
            (
                "/payment_methods/{id}/save",
                'a saved Visa card by this id, of the customer cus_saved; or {"type": "paypal"}, '
                '{"customer": "cus_..."}',
            ),
            ("/disputes/{id}/win", "the bank gives in"),
            ("/disputes/{id}/lose", "the bank keeps the money"),
        ),
    ),
)
