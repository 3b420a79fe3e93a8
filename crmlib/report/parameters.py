"""The parameters of a notebook: what its cell declares, and the values a run gives them."""

import ast
import difflib
import io
import json
import math
import re
import tokenize
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlib.errors import InputError
from crmlib.report.toml_files import read_toml

ALLOWED_TYPES = "int, float, str, bool, list[…], dict[str, …], Literal[…] or one of these | None"
ITEM_WORDS = {"int": "whole number", "float": "number", "bool": "true or false", "str": "text"}


@dataclass(frozen=True)
class ParameterType:
    """What values a parameter takes.

    Attributes
    ----------
    kind : str
        "int", "float", "str", "bool", "none", "literal", "list", "dict" or "union".
    members : tuple
        The types of a union, the item type of a list or dictionary, the values of a literal.
    """

    kind: str
    members: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: `name: annotation = default  # help`."""

    name: str
    annotation: str
    default: Any
    help: str
    type: ParameterType = field(repr=False)


# ----------------------------------------------------------------- reading the cell


def read_cell(source: str, where: str) -> list[Parameter]:
    """Read the parameters a cell declares.

    Parameters
    ----------
    source : str
        The cell's text: one `name: type = literal  # help` a line.
    where : str
        The notebook's name, for the error message.

    Returns
    -------
    list of Parameter
        In the order of the cell.

    Raises
    ------
    InputError
        Some lines are not of that form; each is named with what is wrong with it.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise InputError(
            f"{where}: line {error.lineno or 1} of the parameters cell is not Python: {error.msg}"
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{where}: the parameters cell is not Python: {error}") from None
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    faults = []
    for statement in statements:
        try:
            parameter = _read_statement(statement, comments.get(statement.end_lineno or 0, ""))
            if parameter.name in found:
                raise ValueError(f"{parameter.name} is declared twice")
            found[parameter.name] = parameter
        except (ValueError, RecursionError) as error:
            faults.append(f"line {statement.lineno} of the parameters cell: {error}")
    if faults:
        raise InputError(_listed(where, faults))
    return list(found.values())


def _comments(source: str) -> dict[int, str]:
    """Comment of each line that has one; a `#` within a string is none."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _read_statement(statement: ast.stmt, help_text: str) -> Parameter:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr()):
            declared = _read_type(annotation)
            return Parameter(
                name,
                ast.unparse(annotation).replace("'", '"'),
                _check_value(_literal(statement.value), declared),
                help_text,
                declared,
            )
    text = ast.unparse(statement).splitlines()[0]
    raise ValueError(f"`{text}` should be written as `name: type = value  # help`")


def _literal(node: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(node)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        text = ast.unparse(node) if node else ""
        raise ValueError(f"`{text}` is not a literal (a number, text, list …)") from None


def _read_type(node: ast.expr) -> ParameterType:
    match node:
        case ast.Name(id="int" | "float" | "str" | "bool" as kind):
            return ParameterType(kind)
        case ast.Constant(value=None):
            return ParameterType("none")
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return ParameterType("union", (*_alternatives(left), *_alternatives(right)))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=choices)):
            return ParameterType("literal", tuple(_literal(choice) for choice in choices))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choice):
            return ParameterType("literal", (_literal(choice),))
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return ParameterType("list", (_read_type(item),))
        case ast.Subscript(
            value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), item])
        ):
            return ParameterType("dict", (_read_type(item),))
    raise ValueError(f"the type `{ast.unparse(node)}` is not one of {ALLOWED_TYPES}")


def _alternatives(node: ast.expr) -> tuple[ParameterType, ...]:
    read = _read_type(node)
    return read.members if read.kind == "union" else (read,)


# ----------------------------------------------------------------- checking one value


def describe_type(declared: ParameterType) -> str:
    """Say in words what values a parameter of this type takes."""
    match declared.kind:
        case "none":
            return "none"
        case "union":
            return " or ".join(describe_type(member) for member in declared.members)
        case "literal":
            return "one of " + ", ".join(_shown(choice) for choice in declared.members)
        case "list":
            return f"a list, each item {_with_article(declared.members[0])}, such as a,b,c"
        case "dict":
            return f"names with values, each {_with_article(declared.members[0])}, such as a=…,b=…"
    return _with_article(declared)


def _with_article(declared: ParameterType) -> str:
    match declared.kind:
        case "int" | "float":
            return f"a {ITEM_WORDS[declared.kind]}"
        case "str" | "bool":
            return ITEM_WORDS[declared.kind]
    return describe_type(declared)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check_value(value: Any, declared: ParameterType) -> Any:
    """Return the value as the declared type has it (1 becomes 1.0 for a float), or raise."""
    match declared.kind, value:
        case "none", None:
            return None
        case "bool", bool():
            return value
        case "int", int() if not isinstance(value, bool):
            return value
        case "float", int() | float() if not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        case "str", str():
            return _plain(value)
        case "list", list():
            return [_check_value(item, declared.members[0]) for item in value]
        case "dict", dict() if all(isinstance(key, str) for key in value):
            item_type = declared.members[0]
            return {_plain(key): _check_value(item, item_type) for key, item in value.items()}
        case "literal", _ if any(
            type(value) is type(choice) and value == choice for choice in declared.members
        ):
            return value
        case "union", _:
            return _first_fitting(value, declared, _check_value)
    raise ValueError(f"{value!r} is not {describe_type(declared)}")


def _plain(text: str) -> str:
    """Return text that can be written to a notebook; raise for half a character."""
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError(f"{text!r} is not text in UTF-8")
    return text


def _first_fitting(
    value: Any, declared: ParameterType, attempt: Callable[[Any, ParameterType], Any]
) -> Any:
    # Text fits everything that is typed, so it comes last.
    for member in sorted(declared.members, key=lambda member: member.kind == "str"):
        try:
            return attempt(value, member)
        except ValueError:
            continue
    raise ValueError(f"{value!r} is not {describe_type(declared)}")


def convert_text(text: str, declared: ParameterType) -> Any:
    """Turn what was typed on the command line into a value of the declared type.

    Parameters
    ----------
    text : str
        As typed; a parameter declared `str` gets exactly this.
    declared : ParameterType
        The parameter's type.

    Returns
    -------
    object
        A value of that type.

    Raises
    ------
    ValueError
        The text does not say such a value.
    """
    word = text.strip()
    match declared.kind:
        case "str":
            return _plain(text)
        case "none" if word.lower() == "none":
            return None
        case "bool" if word.lower() in ("true", "yes"):
            return True
        case "bool" if word.lower() in ("false", "no"):
            return False
        case "int" if re.fullmatch(r"[+-]?[0-9]{1,4000}", word):
            return int(word)
        case "float" if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", word):
            return _check_value(float(word), declared)
        case "list" if word.startswith("["):
            return _check_value(_from_json(word), declared)
        case "list":
            items = text.split(",") if word else []
            return [convert_text(item.strip(), declared.members[0]) for item in items]
        case "dict" if word.startswith("{"):
            return _check_value(_from_json(word), declared)
        case "dict":
            return _convert_pairs(text, declared)
        case "literal":
            for choice in declared.members:
                if word == ("none" if choice is None else _shown(choice)):
                    return choice
        case "union":
            return _first_fitting(text, declared, convert_text)
    raise ValueError(f"{text!r} is not {describe_type(declared)}")


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise ValueError(f"{text!r} is not JSON: {error}") from None


def _convert_pairs(text: str, declared: ParameterType) -> dict[str, Any]:
    pairs = [pair.partition("=") for pair in text.split(",")] if text.strip() else []
    if not all(sign for _, sign, _ in pairs):
        raise ValueError(f"{text!r} is not {describe_type(declared)}")
    return {
        _plain(name.strip()): convert_text(item.strip(), declared.members[0])
        for name, _, item in pairs
    }


# ----------------------------------------------------------------- values for the chosen reports


@dataclass(frozen=True)
class GivenValues:
    """Values from the command line and from a parameters file.

    Attributes
    ----------
    typed : dict of str to str
        Name and text of every `-p name=value`.
    general : dict
        The file's top-level keys: for every report that has such a parameter.
    of_report : dict of str to dict
        The file's tables named like a report, such as `["clp/life_cycle"]`.
    """

    typed: Mapping[str, str] = field(default_factory=dict)
    general: Mapping[str, Any] = field(default_factory=dict)
    of_report: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def split_options(options: Iterable[str]) -> dict[str, str]:
    """Split every `name=value` of the command line at its first `=`.

    Raises
    ------
    InputError
        An option has no `=` or no name, or a name comes twice.
    """
    typed: dict[str, str] = {}
    faults = []
    for option in options:
        name, sign, text = option.partition("=")
        name = name.strip()
        if not sign or not name:
            faults.append(f"-p {option}: write it as -p name=value")
        elif name in typed:
            faults.append(f"-p {name}: given twice, as {typed[name]!r} and as {text!r}")
        else:
            typed[name] = text
    if faults:
        raise InputError("\n".join(faults))
    return typed


def read_file(path: Path, report_names: Iterable[str]) -> GivenValues:
    """Read parameter values from a TOML file.

    Parameters
    ----------
    path : pathlib.Path
        The file. Its top-level keys are parameters; a table named like a report holds
        parameters of that one alone.
    report_names : iterable of str
        Every report there is.

    Raises
    ------
    InputError
        The file is not there, is not TOML, or has a table for a report there is not.
    """
    _, content = read_toml(path)
    known = list(report_names)
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    of_report = {name: table for name, table in tables.items() if name in known or "/" in name}
    unknown = [
        f'{path}: there is no report for the table ["{name}"]{nearest(name, known)}'
        for name in of_report
        if name not in known
    ]
    if unknown:
        raise InputError("\n".join(unknown))
    general = {name: value for name, value in content.items() if name not in of_report}
    return GivenValues({}, general, of_report)


def resolve(
    declared: Mapping[str, list[Parameter]], given: GivenValues
) -> dict[str, dict[str, Any]]:
    """Check the given values against what the chosen reports declare.

    Parameters
    ----------
    declared : mapping of str to list of Parameter
        For every chosen report its parameters.
    given : GivenValues
        What the user gave. The command line goes before the file, a report's own table
        before the file's top level.

    Returns
    -------
    dict of str to dict
        For every chosen report the given values it has a parameter for.

    Raises
    ------
    InputError
        Names that no chosen report has and values of the wrong type, all at once.
    """
    faults = _unknown_names(declared, given)
    values: dict[str, dict[str, Any]] = {}
    for report, parameters in declared.items():
        values[report] = {}
        for parameter in parameters:
            try:
                _take(parameter, report, given, values[report])
            except ValueError as error:
                hint = f" ({parameter.help})" if parameter.help else ""
                faults.append(f"{report}: {parameter.name}: {error}{hint}")
    if faults:
        raise InputError("\n".join(dict.fromkeys(faults)))
    return values


def _take(parameter: Parameter, report: str, given: GivenValues, values: dict[str, Any]) -> None:
    name = parameter.name
    own_table = given.of_report.get(report, {})
    if name in given.typed:
        values[name] = convert_text(given.typed[name], parameter.type)
    elif name in own_table:
        values[name] = _check_value(own_table[name], parameter.type)
    elif name in given.general:
        values[name] = _check_value(given.general[name], parameter.type)


def _unknown_names(declared: Mapping[str, list[Parameter]], given: GivenValues) -> list[str]:
    names = {report: [p.name for p in parameters] for report, parameters in declared.items()}
    everything = list(dict.fromkeys(name for known in names.values() for name in known))
    whose = next(iter(declared)) if len(declared) == 1 else "no chosen report"
    faults = []
    for name in [*given.typed, *given.general]:
        if name not in everything:
            verb = "has no parameter" if len(declared) == 1 else "has a parameter"
            faults.append(f"{whose} {verb} {name}{nearest(name, everything)}")
    for report in [report for report in given.of_report if report in declared]:
        for name in given.of_report[report]:
            if name not in names[report]:
                faults.append(f"{report} has no parameter {name}{nearest(name, names[report])}")
    return faults


def nearest(name: str, valid: Iterable[str]) -> str:
    """End of an error message: the valid name nearest to a wrong one, or all there are."""
    valid = list(valid)
    if close := difflib.get_close_matches(name, valid, n=1):
        return f"; did you mean {close[0]}?"
    return "; there are: " + ", ".join(valid) if valid else "; there are none"


def _listed(where: str, faults: list[str]) -> str:
    return "\n".join(f"{where}: {fault}" for fault in faults)
