"""A job that takes its time, told in steps, and goes on where it was stopped."""

from tests import fake_jobs


class Steps(fake_jobs.Steps):
    """Counts up in a file, and goes on where it stopped."""
