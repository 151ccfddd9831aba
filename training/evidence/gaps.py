"""What a validator asks for and a version does not have, by name."""

from training.evidence.exhibit import Exhibit
from training.evidence.headline import headlines
from training.evidence.lineage import UNKNOWN
from training.evidence.record import Record
from training.trained import Note

NOTES: dict[str, Note] = {
    "purpose": Note("the author has not said what the model is for.", "作者未说明模型用途。"),
    "method": Note("the author has not said why it works this way.", "作者未说明方法及其理由。"),
    "assumptions": Note("the author has not said what has to hold.", "作者未说明模型成立的前提。"),
    "limits": Note("the author has not said where it must not be used.", "作者未说明不得使用的场景。"),
}
ESTIMATES = ("auc_out_of_time", "auc", "auc_in_reach", "map_at_5", "qini")  # each has to have its interval
EXHIBITS: dict[str, Note] = {
    "sensitivity": Note(
        "no exhibit shows how the score answers to its inputs", "没有展示评分对输入变化的响应"
    ),
    "stability": Note("no exhibit shows that it holds over time", "没有展示随时间的稳定性"),
    "benchmark": Note("no exhibit compares it with a simple model", "没有与简单模型的比较"),
}
NO_TRIALS = Note("no candidate that was tried is on record.", "没有候选方案的记录。")
NO_GATES = Note("it has no gates.", "没有设定门槛。")


def shown(record: Record, kind: str) -> dict[str, Exhibit]:
    """The exhibits of a kind: named so, or so within a member."""
    return {name: e for name, e in record.exhibits.items() if name.rpartition("/")[2].startswith(kind)}


def gaps(record: Record) -> dict[str, tuple[Note, ...]]:
    """What is missing, by the section of the pack it belongs to; a section without gaps is not in it."""
    account = record.account
    absent = {key: note for key, note in NOTES.items() if not getattr(account, key)}
    found: dict[str, tuple[Note, ...]] = {
        "soundness": tuple(absent[key] for key in ("purpose", "method") if key in absent),
        "assumptions": tuple(absent[key] for key in ("assumptions",) if key in absent),
        "limits": tuple(absent[key] for key in ("limits",) if key in absent),
        "lineage": _lineage(record),
        "figures": _intervals(record),
        "tried": () if record.trials else (NO_TRIALS,),
        "gates": () if record.gates else (NO_GATES,),
    } | {kind: _exhibits(record, kind, note) for kind, note in EXHIBITS.items()}  # fmt: skip
    return {section: notes for section, notes in found.items() if notes}


def _lineage(record: Record) -> tuple[Note, ...]:
    made = record.lineage
    unknown = {
        Note(
            "the commit of the code (trained outside a checkout).", "代码提交号（不在代码库中训练）。"
        ): made.git_commit,
        Note("the digest of requirements.lock.", "依赖锁文件的摘要。"): made.lock,
    }
    found = [note for note, value in unknown.items() if value == UNKNOWN]
    if not made.columns:
        found.append(Note(f"feature service '{made.service}' is not in the catalogue.",
                          f"特征服务 {made.service} 不在目录中。"))  # fmt: skip
    return tuple(found)


def _intervals(record: Record) -> tuple[Note, ...]:
    bare = [f.name for f in headlines(record.metrics) if f.key in ESTIMATES and f.low is None]
    if not headlines(record.metrics):
        return (Note("no figure is on record.", "没有任何指标记录。"),)
    listed = ", ".join(bare)
    return (Note(f"no interval stands beside {listed}.", f"以下指标没有区间：{listed}。"),) if bare else ()


def _exhibits(record: Record, kind: str, note: Note) -> tuple[Note, ...]:
    """One note for all the members that lack it."""
    found = [name for name, exhibit in shown(record, kind).items() if _measures(exhibit)]
    there = {name.partition("/")[0] for name in found}
    whole = any("/" not in name for name in found)
    lacking = [] if whole else [member for member in record.members or ("",) if member not in there]
    if not lacking:
        return ()
    of, of_zh = (f" of {', '.join(lacking)}", f"（{'、'.join(lacking)}）") if lacking != [""] else ("", "")
    return (Note(f"{note.en}{of}.", f"{note.zh}{of_zh}。"),)


def _measures(exhibit: Exhibit) -> bool:
    """Whether it shows anything: a stability over one period without a reference holds no PSI at all."""
    if "PSI" not in exhibit.header:
        return True
    place = exhibit.header.index("PSI")
    return any(row[place] is not None for row in exhibit.rows)
