"""How often one model's answer is better than another's."""

from pydantic import Field

from tasks.records.base import Count, Record, Share


class WinRate(Record):
    """The share of comparisons that the challenger wins, where a tie is half a win."""

    mean: Share
    ci95: tuple[Share, Share] = Field(description="95 % interval of the mean; it contains it")
    corrected: bool = Field(
        description="whether it rests on people's labels; False: on the judge's word alone, with all its bias"
    )
    labelled: Count = Field(description="comparisons that people judged")
    judged: Count = Field(description="comparisons that the judge judged, those with people's labels among them")
    naive: Share = Field(description="the judge's own mean over all that it judged")
    naive_ci95: tuple[Share, Share] = Field(description="95 % Wilson interval of that mean, blind to the judge's bias")
    equal: Count = Field(default=0, description="questions with the same answer from both: ties that nobody judged")


class JudgedWinRate(WinRate):
    """The challenger's win rate as one judge, or people, see it."""

    evidence: bool = Field(description="corrected by enough labels, or of a judge that has earned its trust")


class ArmWinRates(Record):
    """An arm, in the challenger's place, against the first one on the same test questions."""

    against: str = Field(description="the first arm, in the champion's place")
    compared: Count = Field(description="questions on which the two answer differently")
    rates: dict[str, JudgedWinRate] = Field(description="by feedback source; `people`: by their labels alone")
    best: str | None = Field(description="the source to go by, as in a round; None: none of them is evidence")
