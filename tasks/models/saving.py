"""Writing weights to a disk that may be full."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.errors import HomeError
from tasks.files import describe_write_error

_FULL_BYTES = 1 << 20  # with less than this free, a write that failed failed for want of space


@contextmanager
def saving_weights(folder: Path, describe: Callable[[Path, OSError], str] = describe_write_error) -> Iterator[None]:
    """Turns a failed write into a HomeError; torch and safetensors tell of a full disk in errors of their own.

    Args:
        describe: the sentence for a folder and what the system says of it.

    Raises:
        HomeError: when the disk is full or not writable; an error of another kind passes as it is.
    """
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        if error.errno is None:  # a connection's, not a disk's
            raise
        raise HomeError(describe(folder, error)) from error
    except (RuntimeError, SafetensorError) as error:
        if shutil.disk_usage(folder).free >= _FULL_BYTES and "No space left" not in str(error):
            raise
        raise HomeError(describe(folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))) from error
