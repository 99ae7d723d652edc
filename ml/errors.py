"""What a person can mend, said in one sentence."""


class UserError(Exception):
    """Something given is missing or wrong; the message says what, where, and what to do. Nothing was changed."""


class DataError(UserError):
    """A table cannot be learnt from; the message names the file, the column and the first offending rows."""
