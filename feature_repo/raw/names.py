"""What banks call things: words for tables, columns and codes in English, German, Czech and Chinese.

Words are compared without case, accents' spaces and signs (`plain`). The contract's own names come first.
"""

import re

TABLES: dict[str, tuple[str, ...]] = {
    "customers": ("customer", "client", "kunde", "klient", "zakaznik", "客户"),
    "accounts": ("account", "konto", "konten", "ucet", "账户"),
    "account_owners": ("owner", "disposition", "inhaber", "verfueger", "disp", "持有人"),
    "bookings": (
        "booking",
        "transaction",
        "trans",
        "umsatz",
        "umsaetze",
        "buchung",
        "transakce",
        "交易",
        "流水",
    ),
    "products": ("product", "produkt", "产品"),
    "holdings": ("holding", "position", "bestand", "bestaende", "depot", "持仓", "持有产品"),
    "loans": ("loan", "kredit", "darlehen", "uver", "贷款"),
    "repayments": ("repayment", "instalment", "rate", "raten", "splatka", "splatky", "还款"),
    "applications": ("application", "antrag", "antraege", "zadost", "申请"),
    "fx_rates": ("fx", "exchange", "wechselkurs", "kurzy", "汇率"),
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "customer_id": ("customer", "customernumber", "customerno", "clientid", "client", "kundennr",
                    "kundennummer",
                    "kundenid", "kunde", "klient", "idklienta", "cisloklienta", "客户号", "客户编号",
                    "客户id"),
    "account_id": ("account", "accountnumber", "accountno", "konto", "kontonr", "kontonummer", "kontoid",
                   "ucet",
                   "cislouctu", "账号", "账户", "账户号", "账户编号"),
    "booking_id": ("transactionid", "transid", "txid", "umsatznr", "umsatzid", "buchungsnr", "buchungsid",
                   "idtransakce", "流水号", "交易流水号", "交易号"),
    "booked_at": ("date", "bookingdate", "transactiondate", "bookedon", "datum", "buchungstag",
                  "buchungsdatum",
                  "datumtransakce", "交易日期", "交易时间", "记账日期"),
    "amount": ("sum", "betrag", "castka", "金额", "交易金额", "贷款金额"),
    "balance_after": ("balance", "saldo", "kontostand", "zustatek", "余额", "账户余额"),
    "currency": ("ccy", "waehrung", "mena", "币种", "货币"),
    "category": ("purpose", "verwendungszweck", "zweck", "kategorie", "类别", "用途"),
    "channel": ("kanal", "渠道", "交易渠道"),
    "counterparty_id": ("counterparty", "gegenkonto", "protiucet", "对方账号"),
    "joined_at": ("joined", "since", "customersince", "kundeseit", "seit", "klientod", "开户日期",
                  "入行日期"),
    "valid_from": ("validsince", "gueltigab", "platneod", "生效日期"),
    "opened_at": ("opened", "openedon", "eroeffnet", "eroeffnetam", "eroeffnung", "otevreno", "开户日期",
                  "开立日期"),
    "closed_at": ("closed", "geschlossen", "geschlossenam", "zavreno", "销户日期"),
    "recorded_at": ("recorded", "erfasst", "erfasstam", "changedat", "updatedat", "zaznamenano", "登记时间"),
    "party_type": ("kundenart", "rechtsform", "typklienta", "客户类型"),
    "gender": ("sex", "geschlecht", "pohlavi", "性别"),
    "region": ("district", "bundesland", "kraj", "okres", "地区"),
    "occupation": ("job", "beruf", "povolani", "职业"),
    "income_monthly": ("income", "monthlyincome", "einkommen", "nettoeinkommen", "prijem", "月收入"),
    "type": ("accounttype", "kontoart", "kontotyp", "typuctu", "账户类型"),
    "credit_limit": ("limit", "kreditlimit", "dispo", "信用额度"),
    "role": ("rolle", "art", "funktion", "角色"),
    "loan_id": ("loan", "kreditnr", "darlehensnr", "kreditid", "iduveru", "贷款号", "贷款编号"),
    "granted_at": ("granted", "auszahlung", "auszahlungsdatum", "bewilligt", "放款日期"),
    "term_months": ("term", "duration", "laufzeit", "laufzeitmonate", "doba", "期限"),
    "instalment": ("payments", "monthlypayment", "monatsrate", "月供"),
    "rate": ("interestrate", "zins", "zinssatz", "sazba", "利率"),
    "status": ("state", "zustand", "stav", "状态"),
    "due_at": ("due", "duedate", "faellig", "faelligam", "splatnost", "应还日期"),
    "due_amount": ("dueamount", "sollbetrag", "应还金额"),
    "paid_at": ("paid", "paidon", "bezahltam", "zaplaceno", "实还日期"),
    "paid_amount": ("paidamount", "istbetrag", "实还金额"),
    "product_id": ("product", "produkt", "produktid", "produktnr", "产品号", "产品编号"),
}  # fmt: skip
DIRECT = (
    "name", "firstname", "lastname", "surname", "fullname", "vorname", "nachname", "familienname",
    "strasse", "street",
    "adresse", "address", "telefon", "phone", "mobile", "handy", "email", "mail", "geburtsdatum",
    "geburtstag",
    "birthdate", "birthday", "dateofbirth", "birthnumber", "rodnecislo", "jmeno", "prijmeni", "ausweisnr",
    "passport",
    "iban", "steuernr", "姓名", "电话", "手机", "手机号", "地址", "身份证", "身份证号", "邮箱", "出生日期",
    "生日",
)  # fmt: skip
BIRTH = ("geburtsdatum", "geburtstag", "birthdate", "birthday", "dateofbirth", "出生日期", "生日")
CODES: dict[str, dict[str, str]] = {
    "party_type": {"p": "person", "privat": "person", "privatkunde": "person", "个人": "person",
                   "f": "company",
                   "firma": "company", "firmenkunde": "company", "公司": "company", "企业": "company"},
    "gender": {"m": "male", "w": "female", "f": "female", "maennlich": "male", "weiblich": "female",
               "男": "male",
               "女": "female", "d": "other", "divers": "other"},
    "role": {"inhaber": "owner", "eigentuemer": "owner", "majitel": "owner", "verfueger": "authorised",
             "bevollmaechtigter": "authorised", "disponent": "authorised", "本人": "owner",
             "授权人": "authorised"},
    "type": {"giro": "current", "girokonto": "current", "sparkonto": "savings", "sparen": "savings",
             "活期": "current", "储蓄": "savings", "kreditkarte": "card"},
    "category": {"lohn": "salary", "gehalt": "salary", "miete": "rent", "gebuehr": "fee",
                 "zinsen": "interest",
                 "工资": "salary", "房租": "rent", "手续费": "fee", "rente": "pension"},
    "channel": {"filiale": "branch", "geldautomat": "atm", "karte": "card", "柜台": "branch",
                "手机银行": "mobile",
                "网银": "online", "dauerauftrag": "standing_order", "ueberweisung": "transfer"},
    "status": {"laufend": "running", "zurueckgezahlt": "repaid", "ausgefallen": "written_off"},
}  # fmt: skip


def plain(word: str) -> str:
    """A word without case, umlauts and signs.

    >>> plain("Kunden-Nr."), plain("Währung"), plain("客户号")
    ('kundennr', 'waehrung', '客户号')
    """
    small = word.casefold()
    for letter, two in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}.items():
        small = small.replace(letter, two)
    accents = str.maketrans("áčďéěíňóřšťúůýž", "acdeeinorstuuyz")
    return re.sub(r"[\W_]+", "", small.translate(accents))


def column_of(word: str, contract: str) -> int:
    """How well a column's name fits a column of the contract: 0 not at all, 3 the same name."""
    found, wanted = plain(word), plain(contract)
    if found == wanted:
        return 3
    return 2 if found in COLUMNS.get(contract, ()) else 0


def is_direct(word: str) -> bool:
    """Whether a column's name says that it identifies a person."""
    return plain(word) in DIRECT
