"""Options in groups: a command takes dataclasses, and their fields are its options.

A group is a dataclass whose fields are annotated as Typer wants its options; several commands may
take the same one. The command line is the same as if each field stood in the command itself.
Every command also takes the options of loudness.py.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

from splitwire.cli.loudness import Loudness


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command for Typer, of one that takes groups."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    plain = inspect.signature(command).parameters.values()
    spread: list[inspect.Parameter] = []
    for parameter in plain:
        group = groups.get(parameter.name)
        if group is None:
            spread.append(parameter.replace(annotation=hints[parameter.name]))
        else:
            spread += _options(group)
    spread += _options(Loudness)

    def run(**given: Any) -> None:
        made = {name: _made(group, given) for name, group in groups.items()}
        with _made(Loudness, given).applied():
            command(**given, **made)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in spread}
    by_name = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in spread]
    run.__signature__ = inspect.Signature(by_name)  # type: ignore[attr-defined]
    return run


def _made(group: Any, given: dict[str, Any]) -> Any:
    """A group of the options that were given, which are taken out."""
    return group(**{field.name: given.pop(field.name) for field in fields(group)})


def _options(group: Any) -> list[inspect.Parameter]:
    known = get_type_hints(group, include_extras=True)
    return [_option(field, known[field.name]) for field in fields(group)]


def _option(field: Field[Any], annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    if field.default_factory is not MISSING:
        default = field.default_factory()
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )
