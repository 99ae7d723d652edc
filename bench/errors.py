"""Why a benchmark ends early, said in one sentence."""


class BenchError(Exception):
    """A server did not start, broke off, or gave an error while it was being measured."""


class RefusedError(BenchError):
    """Nothing may be timed: no trained model, or a server whose answers are wrong."""
