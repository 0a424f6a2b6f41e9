"""The kinds of failure a person can cause or meet, each one clear line."""

__all__ = ["PeerError", "RunError", "UsageError"]


class UsageError(ValueError):
    """Report a mistake in what was asked for: the command line prints it and exits with 2."""


class RunError(RuntimeError):
    """Report a run that cannot go on (a full disk, a NaN): the command line exits with 1."""


class PeerError(RuntimeError):
    """Report that another process of the run is gone: started again, the run goes on.

    The command line exits with 75, which means "try again later" (`EX_TEMPFAIL`).
    """
