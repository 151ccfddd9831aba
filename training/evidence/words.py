"""What the papers say in English and in Chinese: headings, labels, and the terms of the tables."""

from training.evidence.terms import TERMS

LANGUAGES = ("en", "zh")
_WORDS: dict[str, tuple[str, str]] = {
    "card": ("Model card", "模型卡"),
    "pack": ("Validation pack", "验证材料"),
    "skip": ("To the text", "跳到正文"),
    "contents": ("Contents", "目录"),
    "missing": ("Missing:", "缺失："),
    "table twin": ("The numbers as a table", "以表格查看数据"),
    "generated": (
        "Generated from what the training run logged; nothing was written by hand.",
        "本文件由训练运行的记录自动生成，未经人工编写。",
    ),
    "model": ("Model", "模型"),
    "version": ("Version", "版本"),
    "learns": ("What it learns", "学习目标"),
    "chosen": ("Chosen", "所选方案"),
    "tested": ("Tested on", "测试窗口"),
    "trained": ("Trained", "训练时间"),
    "author": ("By", "训练人"),
    "source": ("Data", "数据来源"),
    "gates passed": ("Gates passed", "通过的门槛"),
    "of": ("of", "/"),
    "colon": (": ", "："),
    "to": ("to", "至"),
    "purpose": ("Purpose", "用途"),
    "limits": ("Limits: where it must not be used", "局限与禁用场景"),
    "method": ("Method", "方法"),
    "figures": ("Figures", "指标"),
    "gates": ("Gates", "门槛"),
    "evidence": ("Evidence", "证据"),
    "assumptions": ("Assumptions", "假设"),
    "left out": ("Left out, and warnings", "未纳入的内容与警告"),
    "tried": ("What was tried", "尝试过的方案"),
    "features": ("Features and who answers for them", "特征及其负责人"),
    "lineage": ("Lineage", "谱系"),
    "soundness": ("Conceptual soundness", "概念合理性"),
    "sensitivity": ("Sensitivity", "敏感性"),
    "stability": ("Stability over time", "随时间的稳定性"),
    "benchmark": ("Benchmark against a simple model", "与简单模型的比较"),
    "gaps": ("What is missing", "缺失内容"),
    "sign-off": ("Independent review", "独立评审"),
    "nothing missing": ("Nothing that this pack asks for is missing.", "本材料要求的内容齐全。"),
    "nothing left out": ("Nothing was left out.", "没有未纳入的内容。"),
    "review": (
        "What no run can generate: the judgement of a person who did not build the model. Reviewer, date, "
        "verdict:",
        "任何训练都无法生成的内容：未参与建模人员的独立判断。评审人、日期、结论：",
    ),
    "yes": ("passed", "通过"),
    "no": ("said no", "未通过"),
    "first version": (
        "No version is in service yet, so none is compared with.",
        "尚无在用版本，因此没有可比较的版本。",
    ),
    "card lead": (
        "What this model is for, how good it is on data it has not seen, and where it must not be used.",
        "本模型的用途、在未见数据上的表现，以及不得使用的场景。",
    ),
    "pack lead": (
        "What a validator asks for, from the run's own record; what is missing is said by name.",
        "验证人员所需的材料，来自训练运行的记录；缺失的内容逐一列出。",
    ),
    "champion": ("In service", "在用版本"),
    "plain": ("Plain baseline", "简单基线"),
    "value": ("Value, 95 % interval", "数值与 95% 区间"),
    "figure": ("Figure", "指标"),
    "gate": ("Gate", "门槛"),
    "found": ("Value", "数值"),
    "limit": ("Limit", "限值"),
    "verdict": ("Verdict", "结论"),
    "shown": ("the best {shown} of {all}", "共 {all} 个，显示最好的 {shown} 个"),
}


def word(key: str, language: str) -> str:
    """A label in a language.

    >>> word("card", "en"), word("card", "zh")
    ('Model card', '模型卡')
    """
    return _WORDS[key][LANGUAGES.index(language)]


def term(text: str, language: str) -> str:
    """A term of a table in a language; what has no translation stays as it is.

    >>> term("noise floor", "zh"), term("inflow_90d", "zh")
    ('噪声下限', 'inflow_90d')
    """
    return TERMS.get(text, text) if language == "zh" else text
