"""Mutants of a module: its source with one small mistake each, of the kinds people make in rules."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARED = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, 
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
TERMS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitAnd, ast.BitOr)  # whose sides can be forgotten
NAMES = {
    "any": "all", "all": "any", "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum",
    "ones": "zeros", "zeros": "ones", "floor": "ceil", 
    "logical_and": "logical_or", "logical_or": "logical_and",
    "argmax": "argmin", "argmin": "argmax",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One mistake: where it stands, what the line's piece was and what it is now, and the whole tree."""

    path: str
    line: int
    function: str
    was: str
    now: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.function}: {self.was}  ->  {self.now}"


def mutants(root: Path, path: str) -> Iterator[Mutant]:
    """Every mutant of one file, in the order of its lines."""
    tree = ast.parse((root / path).read_text())
    for at, (node, function, is_rule) in enumerate(_places(tree)):
        for changed in _changes(node, is_rule):
            if (now := ast.unparse(changed)) == (was := ast.unparse(node)):
                continue
            line = getattr(node, "lineno", 0)
            yield Mutant(path, line, function, _short(was), _short(now), _replaced(tree, at, changed))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:157] + "..."


def _places(tree: ast.Module) -> list[tuple[ast.AST, str, bool]]:
    """Nodes that can hold a mistake, with the function around them and whether it is a rule."""
    found: list[tuple[ast.AST, str, bool]] = []

    def walk(node: ast.AST, function: str, is_rule: bool) -> None:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}" if function else node.name
            is_rule = any(_called(each) == "rule" for each in node.decorator_list)
        found.append((node, function, is_rule))
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "bases"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _is_silent(child):
                    walk(child, function, is_rule)

    walk(tree, "", False)
    return found


def _called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _is_silent(node: ast.AST) -> bool:
    """What decides nothing: docstrings, errors' words, log lines, imports, types."""
    if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.Assert | ast.JoinedStr | ast.arguments):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or ast.unparse(node).startswith("log.")
    if isinstance(node, ast.Assign):
        names = [each.id for each in node.targets if isinstance(each, ast.Name)]
        typed = ast.unparse(node.value).startswith(("TypeVar(", "ParamSpec(", "logging."))
        return names == ["__all__"] or (bool(names) and typed)
    if isinstance(node, ast.AnnAssign):
        return "TypeAlias" in ast.unparse(node.annotation)
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _replaced(tree: ast.Module, at: int, changed: ast.AST) -> ast.Module:
    """A copy of the tree with the node at that place changed."""
    whole = copy.deepcopy(tree)
    target = _places(whole)[at][0]
    for parent in ast.walk(whole):
        for name, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, name, changed)
            elif isinstance(value, list) and any(each is target for each in value):
                setattr(parent, name, [changed if each is target else each for each in value])
    return ast.fix_missing_locations(whole)


def _changes(node: ast.AST, is_rule: bool) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        yield from _other_comparisons(node)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(other, node.values)
        for at in range(len(node.values)):
            yield from _without(node.values, at, lambda left: ast.BoolOp(node.op, left))
    elif isinstance(node, ast.BinOp):
        yield from _other_sums(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Call) and len(node.args) >= 2:
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    elif isinstance(node, ast.Return) and is_rule and node.value is not None:
        yield from (ast.Return(_filled(name, node.value)) for name in ("ones_like", "zeros_like"))
    elif isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 2:
        yield from (_with(node, elts=node.elts[:at] + node.elts[at + 1 :]) for at in range(len(node.elts)))
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield _with(node, attr=NAMES[node.attr])
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield _with(node, id=NAMES[node.id])
    elif isinstance(node, ast.AugAssign) and type(node.op) in COMPUTED:
        yield _with(node, op=COMPUTED[type(node.op)]())
        yield ast.Pass()


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _without(values: list[ast.expr], at: int, joined: object) -> Iterator[ast.AST]:
    left = values[:at] + values[at + 1 :]
    yield left[0] if len(left) == 1 else joined(left)  # type: ignore[operator]


def _other_comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for at, op in enumerate(node.ops):
        for other in COMPARED[type(op)]:
            yield _with(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])
    if len(node.ops) == 2:
        yield ast.Compare(node.left, node.ops[:1], node.comparators[:1])
        yield ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])


def _other_sums(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in COMPUTED:
        yield ast.BinOp(node.left, COMPUTED[type(node.op)](), node.right)
    if isinstance(node.op, TERMS):
        yield node.left
        yield node.right


def _other_constants(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)


def _filled(name: str, value: ast.expr) -> ast.expr:
    """np.ones_like(value) or np.zeros_like(value), under whatever name numpy has in the file."""
    return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load()), [value], [])
