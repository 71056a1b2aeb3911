"""Keeping torch from printing a network's whole graph around an error that a line can tell."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

_log = logging.getLogger("splitwire")


@contextmanager
def silence() -> Iterator[None]:
    """In the body, what is written to stderr, logged and warned of is lost.

    Where the logger "splitwire" is at the level DEBUG, nothing is: `--verbose` sets it so.
    """
    if _log.isEnabledFor(logging.DEBUG):
        yield
        return
    before = logging.root.manager.disable
    with redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
