"""Words for synthetic orders, by country. Nobody here exists.

Names say "example" or "sample" in the country's language; telephone numbers come from ranges reserved for fiction
(NANP 555-01xx, Ofcom, Bundesnetzagentur, ARCEP, ACMA) or, where a country reserves none, from ranges that cannot be
dialled (all zeros); a `#` is a random digit.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """A city with its region (state, prefecture, province), a postal code and, where used, a county or district."""

    city: str
    region: str | None
    postal_code: str
    district: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """The vocabulary of one country."""

    names: tuple[str, ...]
    streets: tuple[str, ...]
    places: tuple[Place, ...]
    phone: str
    companies: tuple[str, ...]
    carriers: tuple[tuple[str, str], ...]
    mail_domain: str


_OWN_WORDS: Final[dict[str, Words]] = {
    "US": Words(
        ("Alex Example", "Jordan Sample", "Dana O'Example", "Sam Q. Placeholder", "Zoë Specimen", "José Muestra-Doe"),
        ("# Example Ave", "## Sample St Apt #", "### Fictional Blvd", "#### NW Placeholder Way"),
        (
            Place("SEATTLE", "WA", "98121-2778"),
            Place("Springfield", "IL", "62701"),
            Place("AUSTIN", "TX", "78701-0001"),
            Place("New York", "NY", "10001"),
            Place("Coeur d'Alene", "ID", "83814"),
        ),
        "+1 206-555-01##",
        ("Example & Sons, Inc.", "Sample <Hardware> LLC", 'The "Quoted" Company'),
        (("UPS", "Ground"), ("USPS", "Priority Mail"), ("FedEx", "Home Delivery")),
        "marketplace.amazon.com",
    ),
    "CA": Words(
        ("Taylor Example", "Émilie Exemple", "Noah Specimen"),
        ("### Sample Rd", "## rue de l'Exemple"),
        (Place("Ottawa", "ON", "K1A 0B1"), Place("Montréal", "QC", "H2X 1Y4"), Place("Vancouver", "BC", "V5K 0A1")),
        "+1 613-555-01##",
        ("Exemple et Fils Ltée", "Maple Sample Corp."),
        (("Canada Post", "Expedited Parcel"),),
        "marketplace.amazon.ca",
    ),
    "MX": Words(
        ("María Ejemplo Muñoz", "Íñigo Muestra", "Lucía de la Prueba"),
        ("Calle Ejemplo ##", "Av. de la Muestra ###, Int. #"),
        (
            Place("Ciudad de México", "CDMX", "06000", "Cuauhtémoc"),
            Place("Guadalajara", "Jalisco", "44100", "Centro"),
            Place("Mérida", "Yucatán", "97000", "Centro"),
        ),
        "+52 55 0000 ####",
        ("Ejemplos Reunidos S.A. de C.V.",),
        (("Estafeta", "Terrestre"),),
        "marketplace.amazon.com.mx",
    ),
    "BR": Words(
        ("João Exemplo da Silva", "Conceição Amostra", "Antônio de Teste Araújo"),
        ("Rua do Exemplo", "Avenida da Amostra", "Travessa São Teste"),
        (
            Place("São Paulo", "SP", "01000-000", "Sé"),
            Place("Rio de Janeiro", "RJ", "20000-000", "Centro"),
            Place("Brasília", "DF", "70000-000", "Asa Norte"),
        ),
        "+55 11 00000-####",
        ("Exemplo Comércio Ltda.", "Amostra & Irmãos S/A"),
        (("Correios", "SEDEX"),),
        "marketplace.amazon.com.br",
    ),
    "GB": Words(
        ("Oliver Example", "Siân Sampleton", "Fiona McSpecimen"),
        ("## Example Lane", "Flat #, ## Sample Street", "Placeholder Cottage"),
        (
            Place("London", None, "EC1A 1BB", "Greater London"),
            Place("Leeds", "West Yorkshire", "LS1 1AA"),
            Place("Llanfairpwllgwyngyll", "Anglesey", "LL61 5AA"),
        ),
        "+44 20 7946 0###",
        ("Example & Daughters Ltd", "Sample <Trading> plc"),
        (("Royal Mail", "Tracked 48"), ("Evri", "Standard")),
        "marketplace.amazon.co.uk",
    ),
    "DE": Words(
        ("Jürgen Müller-Muster", "Käthe Mustermann", "Günther Beispiel", "Łukasz Groß-Muster"),
        ("Musterstraße ##", "Beispielweg #", "Große Mustergasse ##a"),
        (
            Place("Berlin", "Berlin", "10115"),
            Place("München", "Bayern", "80331"),
            Place("Köln", "Nordrhein-Westfalen", "50667"),
            Place("Görlitz", None, "02826"),
        ),
        "+49 30 23125 ###",
        ("Muster & Söhne GmbH", "Beispiel „Bau“ KG"),
        (("DHL", "Paket"), ("Hermes", "Standard"), ("DPD", "Classic")),
        "marketplace.amazon.de",
    ),
    "FR": Words(
        ("Hélène Exemple", "François Modèle", "Anaïs D'Échantillon"),
        ("## rue de l'Exemple", "# impasse du Modèle"),
        (Place("Paris", None, "75001"), Place("Saint-Étienne", "Loire", "42000"), Place("Nîmes", "Gard", "30000")),
        "+33 1 99 00 ## ##",
        ("Exemple & Cie SARL",),
        (("Colissimo", "Domicile"),),
        "marketplace.amazon.fr",
    ),
    "IT": Words(
        ("Nicolò Esempio", "Giulia Campione", "Pietro Dell'Esempio"),
        ("Via dell'Esempio ##", "Piazza Campione #"),
        (Place("Milano", "MI", "20121"), Place("Forlì", "FC", "47121")),
        "+39 000 000 ####",
        ("Esempio S.r.l.",),
        (("BRT", "Standard"),),
        "marketplace.amazon.it",
    ),
    "ES": Words(
        ("Begoña Ejemplo Núñez", "Raúl Muestra"),
        ("Calle del Ejemplo ##, #º B", "Plaza Muestra #"),
        (Place("Madrid", "Madrid", "28001"), Place("A Coruña", "Galicia", "15001")),
        "+34 000 00 ## ##",
        ("Ejemplo e Hijos S.L.",),
        (("Correos", "Paq 48"),),
        "marketplace.amazon.es",
    ),
    "TR": Words(
        ("Örnek Şahin", "Ayşe Numune Çelik", "İbrahim Deneme", "Gülşah Örnekoğlu"),
        ("Örnek Mah. Deneme Sok. No:##", "Numune Cad. No:# Daire:#"),
        (
            Place("İstanbul", "İstanbul", "34000", "Kadıköy"),
            Place("Ankara", "Ankara", "06000", "Çankaya"),
            Place("İzmir", "İzmir", "35000", "Karşıyaka"),
        ),
        "+90 000 000 ## ##",
        ("Örnek Ticaret A.Ş.", "Deneme & Ortakları Ltd. Şti."),
        (("Yurtiçi Kargo", "Standart"),),
        "marketplace.amazon.com.tr",
    ),
    "IN": Words(
        ("Asha Udaharan", "Ravi Namuna", "आशा उदाहरण"),
        ("## Example Nagar, Near Sample Temple", "Flat ##, Namuna Apartments"),
        (
            Place("Bengaluru", "KARNATAKA", "560001"),
            Place("MUMBAI", "MAHARASHTRA", "400001"),
            Place("Chennai", "TAMIL NADU", "600001"),
        ),
        "+91 00000 0####",
        ("Namuna Traders Pvt. Ltd.",),
        (("Amazon Transportation Services", "Easy Ship"),),
        "marketplace.amazon.in",
    ),
    "JP": Words(
        ("山田 見本", "佐藤 例子", "見本 太郎", "髙橋 サンプル"),
        ("見本町1丁目#-##", "例示通り#-#-#", "サンプル坂##番地"),
        (
            Place("千代田区", "東京都", "100-0001"),
            Place("大阪市北区", "大阪府", "530-0001"),
            Place("札幌市中央区", "北海道", "060-0001"),
        ),
        "+81 3-0000-####",
        ("株式会社見本", "サンプル&例 合同会社"),
        (("ヤマト運輸", "宅急便"), ("日本郵便", "ゆうパック")),
        "marketplace.amazon.co.jp",
    ),
    "AU": Words(
        ("Matilda Example", "Bruce Sample"),
        ("## Placeholder Pde", "Unit #/## Example Rd"),
        (Place("Sydney", "NSW", "2000"), Place("WOOLLOOMOOLOO", "NSW", "2011"), Place("Perth", "WA", "6000")),
        "+61 2 5550 ####",
        ("Example Pty Ltd",),
        (("Australia Post", "Parcel Post"),),
        "marketplace.amazon.com.au",
    ),
    "SG": Words(
        ("Tan Example", "陈 样本"),
        ("Blk ## Sample Road #0#-##", "## Example Crescent"),
        (Place("Singapore", None, "018956"),),
        "+65 0000 ####",
        ("Example Holdings Pte. Ltd.",),
        (("SingPost", "Standard"),),
        "marketplace.amazon.sg",
    ),
}
# Marketplaces without a vocabulary of their own borrow one: the text is synthetic anyway.
WORDS: Final[dict[str, Words]] = _OWN_WORDS | dict.fromkeys(
    ("NL", "SE", "PL", "BE", "IE", "ZA", "EG", "SA", "AE"), _OWN_WORDS["GB"]
)

# title, price in the smallest round unit of a "dollar-like" currency, may be gift wrapped, needs a serial number
PRODUCTS: Final[tuple[tuple[str, int, bool, bool], ...]] = (
    ("Stainless Steel Water Bottle, 750 ml", 1899, True, False),
    ("USB-C Cable 2 m (3-Pack) – Braided & Tough", 1299, False, False),
    ('Desk Lamp "Lumen" <dimmable>', 4550, True, False),
    ("Café Crème Espresso Cups, Set of 6 – Größe M", 3499, True, False),
    ("Wireless Headphones X-200 (Black)", 8999, True, True),
    ("日本製 包丁 三徳 170mm", 7480, True, False),
    ("Children's Wooden Train 🚂 40 Pieces", 2999, True, False),
    ("Çay Bardağı Takımı, 12'li", 1150, True, False),
    ("Printer Paper A4, 500 sheets", 699, False, False),
    ("Smart Thermostat – 5 GHz & 2.4 GHz", 12900, False, True),
    ("Notebook, dotted, 200 pages", 950, True, False),
    ("LED Strip 5 m – IP65 – warm white", 2199, False, False),
)

GIFT_MESSAGES: Final = (
    "Happy birthday!",
    "Happy Birthday! 🎂🎉 From all of us <3",
    'Line one\r\nLine two\r\n\r\n– with love & "quotes" \'n all',
    "お誕生日おめでとう!",
    "Doğum günün kutlu olsun, Şule!",
    "Alles Gute zum Geburtstag, Jürgen! Viele Grüße & Küsse",
    "5 < 6 && 7 > 6 ]]> not the end",
    "   leading and trailing blanks   ",
    "👨‍👩‍👧‍👦 family",
)
# XML 1.0 has no way to write these characters; JSON carries them without a murmur.
FORBIDDEN_IN_XML: Final = ("Cheers\u000bfrom the old printer", "Null\u0000 and bell\u0007", "Noncharacter \uffff end")

CONDITION_NOTES: Final = (
    "",
    "Opened once, works & looks like new",
    'Scratch on the "back"',
    "Neu, ohne OVP – geprüft",
)
CANCEL_REASONS: Final = ("Found cheaper somewhere else.", "Ordered by mistake", "Wouldn't arrive in time")
