"""Numbers as people write them: decimal points or commas, groups of thousands, a currency sign."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.validation import F64

SIGNS = r"[\s\u00a0\u202f€$£¥%]"
MOSTLY = 0.95


@dataclass(frozen=True)
class Style:
    """How numbers are written: the decimal sign, and what parts thousands (empty: nothing)."""

    decimal: str = "."
    thousands: str = ""

    def parse(self, texts: pd.Series) -> F64:
        """Each text as a number, NaN where it is none.

        >>> Style(",", ".").parse(pd.Series(["1.234,5", "-7", "x", "€ 2.000"])).tolist()
        [1234.5, -7.0, nan, 2000.0]
        """
        bare = texts.str.replace(f"^{SIGNS}+|{SIGNS}+$", "", regex=True)
        if (self.decimal, self.thousands) != (".", ""):
            group, point = re.escape(self.thousands) or "(?!)", re.escape(self.decimal)
            shape = rf"[+-]?(?:\d+|\d{{1,3}}(?:{group}\d{{3}})+)(?:{point}\d*)?(?:[eE][+-]?\d+)?"
            bare = bare.where(bare.str.fullmatch(shape))
            if self.thousands:
                bare = bare.str.replace(self.thousands, "", regex=False)
            bare = bare.str.replace(self.decimal, ".", regex=False)
        found = pd.to_numeric(bare, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isfinite(found), found, np.nan)


POINT = Style()
STYLES = (POINT, Style(".", ","), Style(",", "."), Style(",", " "), Style(".", " "))


def style_of(texts: pd.Series, counts: F64, decimal_comma: bool) -> Style | None:
    """The way most of these texts are numbers, or None when they are not; `counts` weighs each text.

    Where a comma may part thousands or decimals ("1,234"), `decimal_comma` decides.

    >>> style_of(pd.Series(["1,5", "22,75"]), np.ones(2), False)
    Style(decimal=',', thousands='.')
    >>> style_of(pd.Series(["low", "high"]), np.ones(2), False) is None
    True
    """
    if texts.str.fullmatch(r"0\d+").any():  # a postcode, an account: no number
        return None
    order = STYLES if not decimal_comma else (STYLES[0], STYLES[2], STYLES[1], *STYLES[3:])
    shares = [float(counts[~np.isnan(style.parse(texts))].sum() / counts.sum()) for style in order]
    best = int(np.argmax(shares))
    return order[best] if shares[best] >= MOSTLY else None
