"""The sentences of a notice, in English and Chinese."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Texts:
    """What a notice says in one language; `about`, `bureau`, `appeal` and `hear_by` take values."""

    about: str
    approve: str
    decline: str
    refer: str
    automated: str
    by_person: str
    why_declined: str
    why_referred: str
    why_on_request: str
    bureau: str
    appeal: str
    hear_by: str
    final: str
    stop: str


TEXTS: Mapping[str, Texts] = {
    "en": Texts(
        about="Your application for credit of {amount} over {term} months (decision {decision_id}).",
        approve="We have approved your application for credit.",
        decline="We are sorry: we cannot grant the credit you applied for.",
        refer="We have not decided about your application for credit yet. A person at the bank will decide; "
        "nothing was refused automatically.",
        automated="This decision was made automatically, from your application and the data we hold on you.",
        by_person="A person at the bank made this decision.",
        why_declined="The principal reasons are:",
        why_referred="A person decides because:",
        why_on_request="You may ask us within 60 days for the specific reasons; we tell you within 30 days.",
        bureau="We used a report of {bureau}. The bureau did not make this decision and cannot give you its "
        "reasons. You may ask the bureau for a free copy of your report within 60 days, and dispute "
        "with the bureau what is wrong in it.",
        appeal="You may ask us to explain this decision, tell us your view, and have a person at the bank "
        "look at it again. Ask in the app, by letter or at any branch until {until}, and quote the number "
        "of the decision. It costs you nothing.",
        hear_by="You will hear from us by {due}. Until then you may tell us your view, in the app, by letter "
        "or at any branch.",
        final="You contested our decision, and another person at the bank has looked at it again. This "
        "ends our own review; you may turn to the authority that supervises us, or to a court.",
        stop=".",
    ),
    "zh": Texts(
        about="您申请的贷款：金额 {amount}，期限 {term} 个月（决定编号：{decision_id}）。",
        approve="您的贷款申请已获批准。",
        decline="很抱歉，我们无法批准您的贷款申请。",
        refer="我们尚未就您的贷款申请作出决定，将由本行工作人员审核决定；系统没有自动拒绝您的申请。",
        automated="本决定由系统根据您的申请和本行掌握的资料自动作出。",
        by_person="本决定由本行工作人员作出。",
        why_declined="主要原因如下：",
        why_referred="由工作人员审核的原因如下：",
        why_on_request="您可以在60天内要求我们说明具体原因，我们将在30天内答复。",
        bureau="我们使用了{bureau}的报告。该机构没有作出本决定，也无法说明其理由。"
        "您可以在60天内向该机构免费索取一份您的报告，并就其中的错误向该机构提出异议。",
        appeal="您有权要求我们说明本决定、表达您的意见，并由本行工作人员重新审核。请在 {until} 之前"
        "通过手机应用、信函或任一网点提出，并提供决定编号。此项申请不收取任何费用。",
        hear_by="我们将在 {due} 之前答复您。在此之前，您可以通过手机应用、信函或任一网点向我们表达您的意见。",
        final="您已对本行的决定提出异议，另一位工作人员已重新审核。本行内部的复核到此结束；您可以向监管机构投诉或向法院起诉。",
        stop="。",
    ),
}
