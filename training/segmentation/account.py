"""What a validator asks of the segmentation and only its author can say."""

from training.trained import Account, Note

ACCOUNT = Account(
    purpose=(
        Note(
            "Groups customers by who they are, how they behave and what risk they accept, so that "
            "marketing, offers and policy can speak of a few kinds of customer. It decides nothing by "
            "itself.",
            "按客户身份、行为与风险偏好分群，使营销、推荐与政策可以面向少数几类客户；分群本身不作任何决定。",
        ),
    ),
    method=(
        Note(
            "Sparse k-means (Witten and Tibshirani 2010): missing values take the median, lopsided "
            "columns are logged, all are standardised and held within four standard deviations; each "
            "column gets a weight for how far it separates the segments, many get none. So noise columns "
            "do not drown the groups.",
            "稀疏 k-means（Witten 与 Tibshirani 2010）：缺失取中位数，偏态列取对数，全部标准化并限制在四"
            "个标准差内；每列按其区分客群的程度获得权重，许多列权重为零，因此噪声列不会淹没客群。",
        ),
        Note(
            "k is the best separated (silhouette, in one space for all k) of the sound choices: every "
            "segment is found again on resampled customers (mean Jaccard at least .75, Hennig 2007) and "
            "holds at least 3 %. The gap statistic (Tibshirani 2001) stands beside it.",
            "k 取稳健方案中分离度最好者（各 k 在同一空间比较轮廓系数）：每个客群在重抽样客户中都能再次找"
            "到（平均 Jaccard 不低于 0.75，Hennig 2007）且占比不低于 3%。间隔统计量（Tibshirani 2001）并"
            "列给出。",
        ),
        Note(
            "Ids are kept across versions: new segments are matched with the last registered version's "
            "on the same customers (Hungarian method on Jaccard, at least .5); an unmatched one gets a "
            "new number.",
            "客群编号跨版本保持不变：在相同客户上与上一注册版本匹配（Jaccard 的匈牙利算法，不低于 0.5）；"
            "未匹配者获得新编号。",
        ),
        Note(
            "Balances, wealth and activity do not enter the segments: RFM quintiles and the value tier "
            "say them beside the segment, with edges frozen in the model.",
            "余额、资产与活跃度不参与分群：由并列的 RFM 五分位与价值等级表达，其分界点固定在模型中。",
        ),
    ),
    assumptions=(
        Note(
            "Customers change slowly against a quarter; what a column means stays the same.",
            "客户在一个季度内变化缓慢；各列的含义保持不变。",
        ),
        Note(
            "Segments are compact in the weighted space: k-means finds no chains or rings.",
            "客群在加权空间中是紧凑的：k-means 找不到链状或环状的群。",
        ),
    ),
    limits=(
        Note(
            "For marketing only: it must not enter a credit decision.",
            "仅用于营销：不得进入信贷决策。",
        ),
        Note(
            "Age and gender are no inputs, but life stages show in income and pay: the leakage test says "
            "how far the segment gives them away. Limiting an offer to a segment can exclude an age "
            "band; check it.",
            "年龄与性别不作为输入，但人生阶段会体现在收入与工资上：泄露检验给出客群透露它们的程度。将产品"
            "限定于某客群可能排除某一年龄段，须予核查。",
        ),
        Note(
            "A customer near the border of two segments may change sides without changing much; the "
            "migration matrix says how many do in a quarter.",
            "处于两个客群边界的客户可能在变化不大的情况下换群；迁移矩阵给出一个季度内的换群比例。",
        ),
    ),
)
