"""The currencies of the simulated Stripe: how it counts them, its least amounts, its odd ones."""

from ops.sandbox.stripe.errors import invalid

_CENTS_TEXT = (
    "aed afn all amd aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf "
    "cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr "
    "ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn "
    "myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp "
    "sle sos srd szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd yer zar zmw"
)
_WHOLE_TEXT = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_CENTS = frozenset(_CENTS_TEXT.split())
_WHOLE = frozenset(_WHOLE_TEXT.split())
_MILS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
KNOWN = _CENTS | _WHOLE | _MILS
#: Counted in hundredths here, although nobody has coins of them: the last two digits are zero.
_HUNDREDS = frozenset({"isk", "ugx"})
#: The same only when paid out.
_HUNDREDS_OUT = frozenset({"huf", "twd"})

#: The least charge, where the documents name one.
LEAST = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
#: Eight digits, and twelve where a meal costs five.
MOST, MOST_IDR = 99_999_999, 999_999_999_999

#: What PayPal takes.
_BY_PAYPAL_TEXT = "aud cad chf czk dkk eur gbp hkd nok nzd pln sek sgd usd"
BY_PAYPAL = frozenset(_BY_PAYPAL_TEXT.split())

#: What is added or taken when an amount is to be wrong by one.
STEP = dict.fromkeys(_MILS, 10) | dict.fromkeys(_HUNDREDS, 100)


def currency(name: str, value: object) -> str:
    """Read a currency, in any case of letters."""
    code = value.lower() if isinstance(value, str) else ""
    if code not in KNOWN:
        raise invalid(f"Invalid currency: {str(value)[:10]}", name)
    return code


def chargeable(amount: int, code: str) -> None:
    """Refuse an amount that nobody can charge."""
    divisible(amount, code)
    if amount < LEAST.get(code, 1):
        message = f"Amount must be at least {LEAST.get(code, 1)} {code}"
        raise invalid(message, "amount", "amount_too_small")
    if amount > (MOST_IDR if code == "idr" else MOST):
        raise invalid("Amount must be no more than 99999999", "amount", "amount_too_large")


def divisible(amount: int, code: str, *, out: bool = False) -> None:
    """Refuse an amount for which there are no coins."""
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount")
    if code in _MILS and amount % 10:
        raise invalid("The last digit of a three-decimal amount must be 0.", "amount")
    if (code in _HUNDREDS or (out and code in _HUNDREDS_OUT)) and amount % 100:
        message = f"Amounts in {code} must be evenly divisible by 100."
        raise invalid(message, "amount", "invalid_charge_amount_no_decimal_compatible")


def in_minor_units(amount: int, code: str) -> int:
    """Return the amount as ISO 4217 counts it, for the ledger."""
    if code in _HUNDREDS:
        return amount // 100
    return amount * 100 if code == "mga" else amount


def counted_here(minor: int, code: str) -> int:
    """Return ISO 4217 minor units as this provider counts them."""
    if code in _HUNDREDS:
        return minor * 100
    return minor // 100 if code == "mga" else minor
