"""The few exceptions raised on purpose. Every message says what is wrong and what to do, in the user's words."""

from __future__ import annotations

import errno


class GlasspatchError(Exception):
    """Something the user can mend. Anything else that escapes is a bug of ours."""


class PatchError(GlasspatchError):
    """A patch file that cannot be read or written; the old document stays as it was."""


class ParamError(GlasspatchError, ValueError):
    """A value that a param refuses: says parameter, rule and value."""


class NodeError(GlasspatchError):
    """A node cannot do its work with what it was given (a broken file, an empty corpus, an untrusted model)."""


class ArtifactError(GlasspatchError):
    """A made thing on disk is missing, cut short or not what its record says."""


class BundleError(GlasspatchError):
    """A job in a file that cannot be read, is not what it should be, or belongs elsewhere."""


class LockedError(GlasspatchError):
    """Another process is working on the same patch."""


class Cancelled(GlasspatchError):
    """The user stopped the job. What is made is kept."""


def in_words(error: BaseException) -> str:
    """One line for the user about any exception: our own messages as they are, the system's translated."""
    if isinstance(error, GlasspatchError):
        return str(error)
    if isinstance(error, MemoryError):
        return "the memory of this machine is full; close other programs or make the work smaller"
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return f"the disk is full{where}; free some space and try again, nothing that was made before is lost"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return f"no permission{where}; choose a place that you may read and write"
        return f"{error.strerror or error}{where}"
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"
