"""Small faults put into a source file: the mutants of its syntax tree.

The operators are those found sufficient by Offutt et al. ("An experimental determination of
sufficient mutant operators", TOSEM 1996) as far as Python has them, with constants, returned values
and statements left out beside them. Annotations, decorators and the words of errors are left alone.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPARED = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
COMPUTED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}


@dataclass(frozen=True)
class Mutant:
    """One fault: what stands in place of which bytes of a file.

    Args:
        file: the path.
        line: the first line of what is replaced, from 1.
        column: where it begins there, in bytes from 0.
        begin: the first byte of what is replaced.
        end: the byte after it.
        text: what stands there instead.
    """

    file: Path
    line: int
    column: int
    begin: int
    end: int
    text: str

    def source(self) -> bytes:
        """The file with the fault in it."""
        whole = self.file.read_bytes()
        return whole[: self.begin] + self.text.encode() + whole[self.end :]

    def __str__(self) -> str:
        was = self.file.read_bytes()[self.begin : self.end].decode()
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {' '.join(was.split())!r} -> {self.text!r}"


def mutants(file: Path) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its text."""
    lines = file.read_bytes().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for node, field in _walk(ast.parse(b"".join(lines)), ""):
        for text in (*_faults(node), *_negated(node, field)):
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            yield Mutant(file, node.lineno, node.col_offset, begin, end, text)


def _walk(node: ast.AST, field: str) -> Iterator[tuple[Any, str]]:
    """The nodes of a tree that may be changed, with the fields they are in, outermost first."""
    yield node, field
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.Raise):
                yield child, name  # what it says is words
            elif isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield from _walk(child, name)


def _faults(node: ast.AST) -> Iterator[str]:
    """What may stand in a node's place."""
    match node:
        case ast.Compare(left, [operator], [right]):
            for other in COMPARED[type(operator)]:
                yield f"({ast.unparse(ast.Compare(left, [other()], [right]))})"
        case ast.BinOp(left, operator, right):
            if type(operator) in COMPUTED and not any(map(_is_text, (left, right))):
                yield f"({ast.unparse(ast.BinOp(left, COMPUTED[type(operator)](), right))})"
        case ast.BoolOp(operator, values):
            opposite = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield f"({ast.unparse(ast.BoolOp(opposite, values))})"
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield f"({ast.unparse(operand)})"
        case ast.Constant(bool() as value):
            yield str(not value)
        case ast.Constant(int() | float() as value):
            yield str(value + 1)
        case ast.Return(value) if value and not _is_none(value):
            yield "return None"
        case ast.Expr(ast.Call() | ast.Await()) | ast.Raise() | ast.Delete():
            yield "pass"
        case ast.Assign([ast.Attribute() | ast.Subscript()]):
            yield "pass"
        case ast.AugAssign(target, operator, value) if type(operator) in COMPUTED:
            yield ast.unparse(ast.AugAssign(target, COMPUTED[type(operator)](), value))
        case ast.Break():
            yield "continue"
        case ast.Continue():
            yield "break"


def _negated(node: ast.AST, field: str) -> Iterator[str]:
    """A condition's opposite, where no operator of its own has one."""
    named = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr)
    if field in ("test", "ifs") and named:
        yield f"(not ({ast.unparse(node)}))"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
