"""Errors that a user can act on; the command line prints them without a traceback."""


class CrmlibError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(CrmlibError):
    """A table, parameter or argument cannot be used; the message says what to do about it."""
