"""Python on pages: it compiles, and what it calls in landslip exists and takes its arguments."""

import ast
import inspect
import re
from typing import Any

import landslip


def problems(text: str, variables: dict[str, Any]) -> list[str]:
    """Return what is wrong with a block; ``variables`` has classes of names, and gets more.

    Checked are names below `landslip`, and calls of them and of methods of what they return.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}"]
    checker = _Checker(variables)
    checker.visit(tree)
    return checker.found


class _Checker(ast.NodeVisitor):
    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.found: list[str] = []

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._bind(target.id, node.value)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if isinstance(item.optional_vars, ast.Name):
                self._bind(item.optional_vars.id, item.context_expr)
        for statement in node.body:
            self.visit(statement)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = self._value(node.func)
        if called is None or not callable(called):
            return
        own = isinstance(node.func, ast.Attribute) and self._is_instance(node.func.value)
        self._check_arguments(node, called, is_method=own)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        owner = self._value(node.value)
        if owner is not None and not self._has(owner, node.attr):
            self.found.append(f"line {node.lineno}: {ast.unparse(node)} does not exist")

    def _bind(self, name: str, value: ast.expr) -> None:
        self.variables.pop(name, None)
        made = self._class_of(value)
        if made is not None:
            self.variables[name] = made

    def _is_instance(self, node: ast.expr) -> bool:
        return self._class_of(node) is not None

    def _class_of(self, node: ast.expr) -> Any:
        """Return the class of an expression's value; None: not known."""
        if isinstance(node, ast.Name):
            return self.variables.get(node.id)
        if isinstance(node, ast.Call):
            called = self._value(node.func)
            if inspect.isclass(called):
                return called
            returned = getattr(called, "__annotations__", {}).get("return")
            name = returned if isinstance(returned, str) else getattr(returned, "__name__", "")
            exported = getattr(landslip, name.strip("\"'"), None) if name else None
            return exported if inspect.isclass(exported) else None
        return None

    def _value(self, node: ast.expr) -> Any:
        """Return what an expression is in landslip, an object or a class; None: not known."""
        if isinstance(node, ast.Name):
            return landslip if node.id == "landslip" else self.variables.get(node.id)
        if isinstance(node, ast.Call):
            return self._class_of(node)
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            value = None if owner is None else getattr(owner, node.attr, None)
            return value if inspect.ismodule(value) or callable(value) else None
        return None

    @staticmethod
    def _has(owner: Any, name: str) -> bool:
        if hasattr(owner, name):
            return True
        classes = owner.__mro__ if inspect.isclass(owner) else ()
        return any(  # set in a method
            re.search(rf"\b(self\.)?{name}\s*[:=]", inspect.getsource(one))
            for one in classes
            if one.__module__.startswith("landslip")
        )

    def _check_arguments(self, node: ast.Call, called: Any, *, is_method: bool) -> None:
        try:
            signature = inspect.signature(called)
        except (TypeError, ValueError):
            return
        starred = any(isinstance(one, ast.Starred) for one in node.args)
        starred = starred or any(one.arg is None for one in node.keywords)
        own = is_method and inspect.isfunction(called)
        values = [None] * (len(node.args) + own)
        names: dict[str, None] = {one.arg: None for one in node.keywords if one.arg}
        bind = signature.bind_partial if starred else signature.bind
        try:
            bind(*values, **names)
        except TypeError as error:
            self.found.append(f"line {node.lineno}: {ast.unparse(node.func)}: {error}")
