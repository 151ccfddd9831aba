"""What the author of the credit models says of them: purpose, method, assumptions, limits."""

from training.trained import Account, Note

PURPOSE = (
    Note("Estimate the probability that a loan is 90 days past due within 12 months: for somebody who asks "
         "for one (application) and for a customer who has one (behaviour).",
         "估计贷款在12个月内逾期90天的概率：用于新的贷款申请（申请模型）和已有贷款的客户（行为模型）。"),
    Note("The lending policy turns the probability into approve, refer or decline; the model decides nothing "
         "by itself, and whoever is not approved may ask for a person.",
         "信贷政策根据该概率作出通过、转人工或拒绝的决定；模型本身不作决定，未获批准者可要求人工复核。"),
)  # fmt: skip
METHOD = (
    Note("Three candidates: a weight-of-evidence scorecard with points a person can add up, boosted trees "
         "that may move risk only the way domain sense says, and the mean of both. Bins, shapes and the "
         "choice are made on out-of-fold scores of the training rows; the scorecard decides unless "
         "another is better by more than a standard error.",
         "三个候选：可人工加总分数的证据权重评分卡、按业务常识单调约束的提升树，以及两者的平均。分箱、结构与"
         "取舍均在训练样本内以折外得分决定；除非其他模型明显更优，否则由评分卡决策。"),
    Note("Reasons are measured from a declared reference, the median of customers who repaid: a column is a "
         "reason when moving it there, and scoring again, lowers the probability.",
         "原因以公开的参照值（还清贷款客户的中位数）衡量：将某一特征改为参照值重新评分后违约概率下降，才列为原因。"),
    Note("Applications: the level of default comes from loans granted since, too young for a year's outcome: "
         "the defaults they have shown against those expected to have shown by their age.",
         "申请模型：违约水平取自其后发放、尚未满一年的贷款：以其已出现的违约与按贷龄应已出现的违约相比较。"),
    Note("Monotone directions stand in training/credit_risk/signs.py beside the list of columns.",
         "单调方向与特征列表一同列于 training/credit_risk/signs.py。"),
)  # fmt: skip
ASSUMPTIONS = (
    Note("Those who ask tomorrow resemble those who were approved in the training window.",
         "未来的申请人与训练期内获批的客户相似。"),
    Note("Features hold what was recorded before the moment of asking; a label is known only after 12 "
         "months, so training ends a year before the test begins.",
         "特征只包含申请时点之前已记录的信息；结果须12个月后方可知，因此训练样本比测试期早一年截止。"),
    Note("The debt service is planned with 7 % interest a year, 4 % from ten years on, since the price is "
         "set after the decision.",
         "由于定价在审批之后，月供按年利率7%（十年及以上按4%）测算。"),
)  # fmt: skip
LIMITS = (
    Note("Outcomes of the refused are unknown. The model is fitted on approved loans only and may be too "
         "hopeful about people unlike them; a cut-off must not be loosened on its word alone.",
         "被拒申请的还款结果未知。模型仅以获批贷款训练，对与其不同的人群可能过于乐观；不得仅凭模型放宽准入。"),
    Note("Not for companies' project finance, for amounts far beyond those seen, or for setting prices.",
         "不适用于企业项目融资、远超样本范围的金额，也不用于定价。"),
    Note("Age and gender are never read; they serve the fairness test only. Columns that follow them may "
         "still be in the model, which is why approval rates by group are reported.",
         "模型不读取年龄和性别，二者仅用于公平性检验；其他特征仍可能与之相关，因此按群体报告通过率。"),
)  # fmt: skip


def account(said_of_selection: tuple[Note, ...]) -> Account:
    """The account; `said_of_selection` states in figures whom the data leaves out."""
    return Account(PURPOSE, METHOD, ASSUMPTIONS, (*LIMITS, *said_of_selection))
