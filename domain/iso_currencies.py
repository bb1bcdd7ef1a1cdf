"""Every currency of `domain.money`: its largest payment until somebody says otherwise, symbol, name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Code, largest amount in major units, symbol, name. The amounts are about 100,000 US dollars at
#: rates of 2025, rounded to two digits: a bound against typing errors and theft, not an exchange
#: rate. Operators set their own with `paylink currencies set`.
_TABLE = """
AED 370000 د.إ UAE dirham
AFN 7000000 ؋ Afghani
ALL 9000000 L Lek
AMD 39000000 ֏ Armenian dram
AOA 90000000 Kz Kwanza
ARS 140000000 $ Argentine peso
AUD 150000 A$ Australian dollar
AWG 180000 ƒ Aruban florin
AZN 170000 ₼ Azerbaijan manat
BAM 180000 KM Convertible mark
BBD 200000 Bds$ Barbados dollar
BDT 12000000 ৳ Taka
BGN 180000 лв Bulgarian lev
BHD 38000 BD Bahraini dinar
BIF 290000000 FBu Burundi franc
BMD 100000 BD$ Bermudian dollar
BND 130000 B$ Brunei dollar
BOB 690000 Bs Boliviano
BRL 560000 R$ Brazilian real
BSD 100000 B$ Bahamian dollar
BTN 8600000 Nu. Ngultrum
BWP 1400000 P Pula
BYN 330000 Br Belarusian ruble
BZD 200000 BZ$ Belize dollar
CAD 140000 C$ Canadian dollar
CDF 290000000 FC Congolese franc
CHF 90000 CHF Swiss franc
CLP 95000000 $ Chilean peso
CNY 720000 ¥ Yuan renminbi
COP 410000000 $ Colombian peso
CRC 51000000 ₡ Costa Rican colon
CUP 2400000 $ Cuban peso
CVE 10000000 Esc Cabo Verde escudo
CZK 2200000 Kč Czech koruna
DJF 18000000 Fdj Djibouti franc
DKK 660000 kr Danish krone
DOP 6000000 RD$ Dominican peso
DZD 13000000 DA Algerian dinar
EGP 5000000 E£ Egyptian pound
ERN 1500000 Nfk Nakfa
ETB 13000000 Br Ethiopian birr
EUR 90000 € Euro
FJD 230000 FJ$ Fiji dollar
FKP 80000 FK£ Falkland Islands pound
GBP 80000 £ Pound sterling
GEL 270000 ₾ Lari
GHS 1100000 GH₵ Ghana cedi
GIP 80000 GI£ Gibraltar pound
GMD 7000000 D Dalasi
GNF 860000000 FG Guinean franc
GTQ 770000 Q Quetzal
GYD 21000000 G$ Guyana dollar
HKD 780000 HK$ Hong Kong dollar
HNL 2600000 L Lempira
HTG 13000000 G Gourde
HUF 36000000 Ft Forint
IDR 1600000000 Rp Rupiah
ILS 360000 ₪ New Israeli sheqel
INR 8600000 ₹ Indian rupee
IQD 130000000 ID Iraqi dinar
IRR 4200000000 IR Iranian rial
ISK 13000000 kr Iceland krona
JMD 16000000 J$ Jamaican dollar
JOD 71000 JD Jordanian dinar
JPY 15000000 ¥ Yen
KES 13000000 KSh Kenyan shilling
KGS 8700000 с Som
KHR 400000000 ៛ Riel
KMF 44000000 CF Comorian franc
KPW 90000000 ₩ North Korean won
KRW 140000000 ₩ Won
KWD 31000 KD Kuwaiti dinar
KYD 83000 CI$ Cayman Islands dollar
KZT 52000000 ₸ Tenge
LAK 2100000000 ₭ Lao kip
LBP 8900000000 LL Lebanese pound
LKR 30000000 Rs Sri Lanka rupee
LRD 19000000 L$ Liberian dollar
LSL 1800000 L Loti
LYD 540000 LD Libyan dinar
MAD 960000 DH Moroccan dirham
MDL 1800000 L Moldovan leu
MGA 450000000 Ar Malagasy ariary
MKD 5500000 den Denar
MMK 210000000 K Kyat
MNT 350000000 ₮ Tugrik
MOP 800000 MOP$ Pataca
MRU 4000000 UM Ouguiya
MUR 4600000 Rs Mauritius rupee
MVR 1500000 Rf Rufiyaa
MWK 170000000 MK Malawi kwacha
MXN 1900000 MX$ Mexican peso
MYR 430000 RM Malaysian ringgit
MZN 6400000 MT Mozambique metical
NAD 1800000 N$ Namibia dollar
NGN 150000000 ₦ Naira
NIO 3700000 C$ Cordoba oro
NOK 1000000 kr Norwegian krone
NPR 14000000 Rs Nepalese rupee
NZD 170000 NZ$ New Zealand dollar
OMR 38000 RO Rial Omani
PAB 100000 B/. Balboa
PEN 370000 S/ Sol
PGK 410000 K Kina
PHP 5700000 ₱ Philippine peso
PKR 28000000 Rs Pakistan rupee
PLN 380000 zł Zloty
PYG 780000000 ₲ Guarani
QAR 360000 QR Qatari rial
RON 440000 lei Romanian leu
RSD 10000000 din Serbian dinar
RUB 8500000 ₽ Russian ruble
RWF 140000000 FRw Rwanda franc
SAR 380000 SR Saudi riyal
SBD 840000 SI$ Solomon Islands dollar
SCR 1400000 SR Seychelles rupee
SDG 60000000 LS Sudanese pound
SEK 970000 kr Swedish krona
SGD 130000 S$ Singapore dollar
SHP 80000 SH£ Saint Helena pound
SLE 2300000 Le Leone
SOS 57000000 Sh Somali shilling
SRD 3700000 Sr$ Surinam dollar
SSP 450000000 SS£ South Sudanese pound
STN 2200000 Db Dobra
SVC 880000 ₡ El Salvador colon
SYP 1300000000 LS Syrian pound
SZL 1800000 E Lilangeni
THB 3300000 ฿ Baht
TJS 1000000 SM Somoni
TMT 350000 m Turkmenistan manat
TND 300000 DT Tunisian dinar
TOP 240000 T$ Pa'anga
TRY 4000000 ₺ Turkish lira
TTD 680000 TT$ Trinidad and Tobago dollar
TWD 3000000 NT$ New Taiwan dollar
TZS 260000000 TSh Tanzanian shilling
UAH 4200000 ₴ Hryvnia
UGX 360000000 USh Uganda shilling
USD 100000 $ US dollar
UYU 4000000 $U Peso uruguayo
UZS 1200000000 so'm Uzbekistan sum
VES 14000000 Bs. Bolivar soberano
VND 2600000000 ₫ Dong
VUV 12000000 VT Vatu
WST 270000 WS$ Tala
XAF 57000000 FCFA CFA franc BEAC
XCD 270000 EC$ East Caribbean dollar
XOF 57000000 CFA CFA franc BCEAO
XPF 10000000 F CFP franc
YER 24000000 YR Yemeni rial
ZAR 1800000 R Rand
ZMW 2400000 ZK Zambian kwacha
"""

#: Code: (name, symbol, largest amount in major units).
CURRENCY_FACTS: Mapping[str, tuple[str, str, int]] = MappingProxyType(
    {
        code: (name, symbol, int(largest))
        for code, largest, symbol, name in (
            line.split(" ", 3) for line in _TABLE.split("\n") if line
        )
    }
)
