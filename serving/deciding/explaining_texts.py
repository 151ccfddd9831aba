"""What an explanation says, in English and Chinese."""

from collections.abc import Mapping

Words = Mapping[str, str]


def both(en: str, zh: str) -> Words:
    """A text in both languages."""
    return {"en": en, "zh": zh}


SOURCES: Mapping[str, Words] = {
    "profile": both("What the bank knows of you as a customer", "您在本行的客户基本资料"),
    "life": both("Changes in your customer data", "您的客户资料变动"),
    "activity": both("Money in and out of your accounts", "您账户的资金收支"),
    "spending": both("What you pay for, and how", "您的消费与支付方式"),
    "credit": both("Your loans and how they were repaid", "您的贷款及还款情况"),
    "holdings": both("The products you hold", "您持有的产品"),
    "investment": both("Your investments and risk assessment", "您的投资与风险评估"),
    "engagement": both("Your contacts with the bank, and what you agreed to", "您与本行的往来及您的授权"),
    "owned": both("Which products of the catalogue you hold", "您已持有的在售产品"),
}
REQUEST = both("What the application says", "您的申请内容")
FIELDS: Mapping[str, Words] = {
    "amount": both("The amount asked for", "申请金额"),
    "term_months": both("The term asked for", "申请期限"),
    "declared_income": both("The income declared", "申报收入"),
    "co_applicant": both("Whether somebody applies along", "是否有共同借款人"),
    "purpose": both("The purpose", "贷款用途"),
    "language": both("The language of the notice", "通知语言"),
    "channel": both("The channel of the conversation", "沟通渠道"),
    "top": both("How many offers were asked for", "请求的推荐数量"),
    "personalised": both("Whether it may be personalised", "是否允许个性化"),
    "product_id": both("The product asked about", "所询问的产品"),
}
DECIDED: Mapping[tuple[str, str], Words] = {
    ("credit", "approve"): both("The application was approved.", "申请已获批准。"),
    ("credit", "refer"): both(
        "The application was passed to a person, who decides.", "申请已转交工作人员审核决定。"
    ),
    ("credit", "decline"): both("The application was declined.", "申请未获批准。"),
    ("suitability", "suitable"): both("The product suits the customer now.", "该产品目前适合该客户。"),
    ("suitability", "unsuitable"): both(
        "The product may not be sold to the customer now.", "该产品目前不得向该客户销售。"
    ),
}
OFFERED = both("These offers were chosen, the first of them first.", "按顺序选择了以下推荐。")
NOT_OFFERED = both("Nothing was offered.", "没有作出任何推荐。")
RECOMMENDED = both("These products were recommended.", "推荐了以下产品。")
SCORED = both("A score was computed; it decides nothing by itself.", "仅计算了评分，评分本身不构成决定。")

SCORECARD = both(
    "A model estimated the risk of default from the data listed; the lending policy decided on that estimate "
    "and on its own rules.",
    "模型根据所列数据估计违约风险，信贷政策依据该估计及其规则作出决定。",
)
NO_MODEL = both("No model was used; the rules decided.", "未使用模型，由规则决定。")
OFFERS = both(
    "Models estimated what may be of use from the data listed; rules removed what must not be offered, and "
    "what was left was put in order.",
    "模型根据所列数据估计客户可能的需求，规则排除不得推荐的内容，其余按优先级排序。",
)
UNPROFILED = both(
    "No profile of the customer was used; rules removed what must not be offered.",
    "未使用客户画像，规则排除不得推荐的内容。",
)
RULES_ALONE = both(
    "No model decided; rules compared the product with the customer.",
    "未由模型决定，由规则将产品与客户情况比对。",
)
SCORES = both("Models computed the score from the data listed.", "模型根据所列数据计算评分。")

PEOPLE: Mapping[str, Words] = {
    "automated": both(
        "It was decided automatically; no person took part. People approved models and policy before.",
        "本决定由系统自动作出，无人工参与；模型与政策事先经人工审批。",
    ),
    "person": both(
        "A person at the bank decides, and is not bound by the model.", "由银行工作人员决定，且不受模型约束。"
    ),
}
CONTEST = both(
    "Ask a person to look at it again: POST /v1/decisions/review with the decision id, and say what you "
    "think of it. It costs nothing.",
    "您可要求人工复核：以决定编号调用 POST /v1/decisions/review，并可陈述意见，不收取费用。",
)
REFERRED = both(
    "A person decides already; what you want to say can be added with POST /v1/decisions/review.",
    "工作人员正在审核；您可通过 POST /v1/decisions/review 补充意见。",
)
OVER = both("The time to have it looked at again is over.", "复核期限已过。")
REFUSE = both(
    "You may refuse to be profiled: ask with personalised=false, or take the consent back.",
    "您可拒绝画像：请求时设置 personalised=false，或撤回授权。",
)
