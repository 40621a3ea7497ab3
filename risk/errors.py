"""The errors a user can meet, each with one sentence that says what is wrong and how to mend it."""


class RiskError(Exception):
    """Something the user can mend. The command line prints the message and leaves with `exit_status`."""

    exit_status = 1


class UsageError(RiskError):
    """The words of the command or of a mapping file are off."""

    exit_status = 2


class MappingError(UsageError):
    """A mapping file does not fit: names the file, the place in it and what is expected there."""


class InputError(RiskError):
    """A file as a whole cannot be read: empty, unknown encoding, no such column."""


class ModelError(RiskError):
    """A model folder is incomplete, altered or of another version."""


class NoSuchModelError(ModelError):
    """No model is registered under this version, alias or folder."""


class HistoryError(RiskError):
    """A history file is incomplete, altered, of another version, or newer than what is to be scored."""


class NotEnoughDataError(RiskError):
    """Too few outcomes, or outcomes of one class only, to train or to evaluate."""
