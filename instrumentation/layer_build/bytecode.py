"""Compiles the layer, run by each Python that it is for: `python bytecode.py FOLDER`, JSON of name to file in base64 on standard output.

What comes out is `compiled/<cache tag>`, which `coldlight_lambda/bytecode.py` reads, and plain `.pyc` files of what is loaded before that.
It is never checked against the source (PEP 552, "unchecked"), holds no docstrings, annotations or columns, and depends on the source and
the version of Python alone: strings of one character are interned beforehand, as marshal writes those otherwise that the process happens
to have interned, and the hash seed, by which sets are ordered, is fixed by who runs this. It must run on every Python of the layer.
"""

import ast
import base64
import importlib.util
import json
import marshal
import pathlib
import sys

FIRST = ("coldlight_lambda", "coldlight_lambda.bytecode")
UNCHECKED = (1).to_bytes(4, "little")


class WithoutTypes(ast.NodeTransformer):
    """What only a type checker reads: annotations, and what is under `if TYPE_CHECKING`."""

    def visit_If(self, node):  # type: ignore[no-untyped-def]
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return [self.visit(other) for other in node.orelse] or ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node):  # type: ignore[no-untyped-def]
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - `ast` calls it so

    def visit_arg(self, node):  # type: ignore[no-untyped-def]
        node.annotation = None
        return node

    def visit_AnnAssign(self, node):  # type: ignore[no-untyped-def]
        self.generic_visit(node)
        plain = ast.Pass() if node.value is None else ast.Assign([node.target], node.value)
        return ast.copy_location(plain, node)


def code_of(source: bytes, name: str) -> bytes:
    """What a module is compiled to, as it will lie in Lambda."""
    tree = ast.fix_missing_locations(WithoutTypes().visit(ast.parse(source)))
    return marshal.dumps(compile(tree, f"/opt/python/{name}", "exec", dont_inherit=True, optimize=2))


def module_of(path: pathlib.Path) -> str:
    """`a/b.py` is `a.b`, and so is `a/b/__init__.py`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def main() -> None:
    for number in range(256):
        sys.intern(chr(number))
    package = pathlib.Path(sys.argv[1])
    tag = sys.implementation.cache_tag
    made, index, codes = {}, {}, b""
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package.parent)
        source = path.read_bytes()
        code = code_of(source, name.as_posix())
        if module_of(name) in FIRST:
            head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source)
            made[f"{name.parent.as_posix()}/__pycache__/{name.stem}.{tag}.pyc"] = head + code
        else:
            index[module_of(name)] = (len(codes), len(codes) + len(code), name.name == "__init__.py")
            codes += code
    head = marshal.dumps(index, 2)
    made[f"{package.name}/compiled/{tag}"] = (
        importlib.util.MAGIC_NUMBER + len(head).to_bytes(4, "little") + head + codes
    )
    json.dump({name: base64.b64encode(content).decode() for name, content in made.items()}, sys.stdout)


if __name__ == "__main__":
    main()
