"""What a validator asks about the recommender and only its author can say."""

from training.trained import Account, Note

ACCOUNT = Account(
    purpose=(
        Note(
            "It orders the products a customer does not hold by the chance that they are added within 180 "
            "days, and splits a family's need among its products in arbitration.",
            "对客户尚未持有的产品，按180天内新增的概率排序，并在仲裁中把产品族需求分配到族内各产品。",
        ),
    ),
    method=(
        Note(
            "Additive log odds over bands of features, the segment and the products held, drawn to what the "
            "product's attributes say (content) and, where it helps, to a collaborative filter (ALS, BPR or "
            "item-item). Maximum likelihood gives probabilities, not only an order; a customer is folded in, "
            "never stored; each effect can be read off a table.",
            "对特征分箱、客群与已持有产品的可加对数几率模型，"
            "向产品属性（内容）收缩，必要时向协同过滤（ALS、BPR 或物品相似）收缩。"
            "最大似然给出概率而不仅是次序；客户即时折入而不留存；每个效应可查表。",
        ),
        Note(
            "Filters and the hybrid's shape are chosen by MAP@5 on the half-year before the last; the last "
            "half-year is read once.",
            "协同过滤与混合模型的参数在倒数第二个半年上按 MAP@5 选择；最后一个半年只用于一次检验。",
        ),
    ),
    assumptions=(
        Note(
            "What was on the shelf in the half-years learned from was on offer to everybody without it.",
            "学习期内在售的产品对所有未持有者均可购买。",
        ),
        Note(
            "A new product draws customers as its family does, moved by how its risk level, rate, minimum "
            "amount and tier differ from what is usual there.",
            "新产品的吸引力与其产品族相同，并按风险等级、利率、起点金额与等级要求相对族内常态的差异调整。",
        ),
        Note(
            "Where a family has no propensity model the chance is brought from 180 to 90 days as if it were "
            "spread evenly over them.",
            "没有倾向模型的产品族，其180天概率按均匀分布折算为90天。",
        ),
    ),
    limits=(
        Note(
            "It says who takes a product, not who takes it because it was offered: that is uplift.",
            "它预测谁会购买，而不是谁因被推荐而购买；增益由另外的模型回答。",
        ),
        Note(
            "It knows no rule: eligibility, suitability and consent are applied after it. It must not decide "
            "credit.",
            "它不含任何规则：资格、适当性与同意在其后执行；不得用于授信决定。",
        ),
        Note(
            "A family with fewer than 15 additions is not estimated; a product withdrawn or launched within "
            "the half-years learned from is judged as if it had been there throughout.",
            "新增少于15次的产品族不作估计；学习期内下架或上线的产品按全期在售处理。",
        ),
    ),
)
