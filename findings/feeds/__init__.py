"""Where advisories come from (`sources`) and how they are read (`osv`): bytes in, values out.

Everything here is someone else's data: sizes, counts and depth are bounded, and what cannot be
read is counted or refused in one sentence, never guessed.
"""


class FeedError(Exception):
    """`str()` is one sentence for a person. `permanent`: trying again will not help."""

    permanent = True


class Unreachable(FeedError):
    """The source did not answer, or not completely."""

    permanent = False


class NotAdvisories(FeedError):
    """There is something, but it is not what a feed looks like."""


class TooLarge(FeedError):
    """The source passes a limit of `sources.Limits`."""


class MalformedRecord(FeedError):
    """One record is not an OSV record."""
