"""What a validator asks of the propensity and only its authors can say."""

from training.trained import Account, Note

ACCOUNT = Account(
    purpose=(
        Note("Tells who will take a product of each family within 90 days, who will have left within 180, "
             "who answers an offer within 30 days, and what an offer changes; for ranking offers and care.",
             "预测客户在 90 天内购买各产品族、180 天内流失、30 天内响应营销的可能性，以及营销带来的增量；"
             "用于营销排序与客户关怀。"),
        Note("P of arbitration (priority = P x C x V x L) and the answer of /v1/score/propensity.",
             "作为仲裁公式（优先级 = P x C x V x L）中的 P，并由 /v1/score/propensity 返回。"),
    ),
    method=(
        Note("Gradient boosting for each member, shape and rounds searched (Optuna) by log loss on folds "
             "that go forward in time, one label horizon apart; all cases and a sample of the others, "
             "weighted back. Calibrated on a later snapshot by Platt's line, or a beta curve where that is "
             "clearly better on folds of it. The test snapshot is read once.",
             "每个成员一个梯度提升模型；树形与轮数"
             "按时间向前滚动折上的对数损失（Optuna）选取，各段之间相隔一个标签期；"
             "保留全部正例并抽取其余样本、加权还原。"
             "在更晚的快照上以 Platt 直线校准，"
             "只有 Beta 曲线明显更好时才用之。测试快照只读取一次。"),
        Note("Uplift: the offer adds log odds by family to a line through the family's margin, fitted on "
             "treated and control offers; S-, T-, X-learner and a transformed outcome were compared by the "
             "Qini on later training offers.",
             "增量：在产品族分值的直线上，营销按产品族增加对数几率，用实验组与对照组拟合；"
             "并与 S、T、X 学习器和变换结果法按训练期内更晚营销的 Qini 比较。"),
        Note("A product too new for evidence of its own is smoothed towards the propensity its catalogue "
             "entry declares (Pega's formula).",
             "证据不足的新产品按产品目录声明的初始倾向平滑（Pega 公式）。"),
    ),
    assumptions=(
        Note("Who was chosen for the treated arm was decided by chance, with the recorded probability.",
             "实验组按记录的概率随机选取。"),
        Note("Campaigns, prices and rules go on much as in the training window; a propensity contains the "
             "offers that were usual then.",
             "营销活动、价格与规则与训练期大致相同；倾向中已包含当时惯常的营销影响。"),
        Note("Features are as last known before the offer; those between quarter starts may be up to three "
             "months old.",
             "特征取营销之前最后已知的值；季度之间的特征最多可能滞后三个月。"),
    ),
    limits=(
        Note("Never a reason to refuse credit or a service; age and sex are not read, nor is consent.",
             "不得作为拒绝信贷或服务的理由；不读取年龄、性别及同意状态。"),
        Note("An effect on the odds has the sign of its family for everybody: customers an offer would put "
             "off are not found by it.",
             "同一产品族的效应方向对所有客户相同：无法识别因营销而反感的客户。"),
        Note("The uplift is about the next 30 days; what an offer brings forward rather than adds is not "
             "told apart.",
             "增量只针对 30 天内；无法区分新增购买与提前购买。"),
    ),
)  # fmt: skip
