"""Files that appear whole or not at all: they are written under a temporary name and renamed."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from fastinit import regular_files
from fastinit.safetensors import PAGE

_libc = ctypes.CDLL(None, use_errno=True)  # os.posix_fallocate may write every block instead
_BUSY = "another writer is at work on it; wait until it ends, or pass another path"
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{16}\.fastinit")


class AtomicFile:
    """A file that is being written under a temporary name.

    ``direct`` writes whole pages past the system's cache, if the file system can: that saves a copy
    of everything, and leaves the cache to others. Errors name ``path``, the file that it becomes.
    """

    def __init__(self, path: Path, temporary: Path, direct: bool) -> None:
        self._path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with _named(path):
            self._descriptors = [os.open(temporary, flags, 0o666)]
        _lock(self._descriptors[0])
        if direct:
            with contextlib.suppress(OSError):  # a file system without direct writes
                self._descriptors.append(os.open(temporary, os.O_WRONLY | os.O_DIRECT))

    def reserve(self, size: int) -> None:
        """Reserve ``size`` bytes of the disk, so that a full one is found before anything is drawn.

        Direct writes into reserved space also do not wait for each other: 1.3 s instead of 2.1 s.
        """
        file = self._descriptors[0]
        code = errno.EINTR
        while code == errno.EINTR:  # a signal came; Python has run its handler
            failed = _libc.fallocate(file, 0, ctypes.c_int64(0), ctypes.c_int64(size))
            code = ctypes.get_errno() if failed else 0
        with _named(self._path):
            if code in (errno.EOPNOTSUPP, errno.ENOSYS):
                os.ftruncate(file, size)
            elif code:
                raise OSError(code, os.strerror(code))

    def write(self, content: bytes | memoryview, offset: int) -> None:
        """Write all of ``content``; any thread may do so."""
        left = memoryview(content)
        with _named(self._path):
            while left:  # a write may take only a part
                written = self._write(left, offset)
                left, offset = left[written:], offset + written

    def _write(self, content: memoryview, offset: int) -> int:
        in_pages = not (offset | len(content)) % PAGE
        if in_pages and len(self._descriptors) > 1:
            try:
                return os.pwrite(self._descriptors[1], content, offset)
            except OSError as error:
                if error.errno != errno.EINVAL:  # the file system wants larger pages
                    raise
        return os.pwrite(self._descriptors[0], content, offset)

    def flush(self) -> None:
        """Wait until everything is on the disk."""
        with _named(self._path):
            os.fsync(self._descriptors[0])

    def close(self) -> None:
        """Close the file."""
        with _named(self._path):
            for each in self._descriptors:
                os.close(each)


@contextlib.contextmanager
def atomic_file(
    path: Path, size: int, *, direct: bool = False, replace: bool = True
) -> Iterator[AtomicFile]:
    """Open a file that gets its name at the end, and is deleted after an error.

    Raises:
        FileExistsError: Another file has got the name meanwhile, and ``replace`` is not set.
        OSError: It cannot be written; the message names ``path``.
    """
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}.fastinit"
    try:
        file = AtomicFile(path, temporary, direct)
        try:
            file.reserve(size)
            yield file
            file.flush()
        finally:
            file.close()
        with _named(path):
            if replace:
                temporary.replace(path)
            else:
                _give_name(temporary, path)
            flush_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an error of the disk name a file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{path} could not be written: {error.strerror}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder against other writers of the checkpoint in it.

    Raises:
        BlockingIOError: Another process or thread is writing to it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(error.errno, f"{folder} could not be written: {_BUSY}") from None
        except OSError:  # a file system without locks
            pass
        yield
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may hold the descriptor, too
    finally:
        os.close(descriptor)


def check_sole(path: Path) -> None:
    """Check that nobody is writing a file.

    Raises:
        BlockingIOError: Another process or thread is.
    """
    for each in _temporaries(path.parent, lambda name: name == path.name):
        if each.exists() and not _is_left(each):
            raise BlockingIOError(errno.EAGAIN, f"{path} could not be written: {_BUSY}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file, unless it already has this content."""
    if has_content(path, content):
        return
    with atomic_file(path, len(content)) as file:
        file.write(content, 0)


def has_content(path: Path, content: bytes) -> bool:
    """Return whether a file is there and has this content."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return regular_files.content(path, len(content)) == content
    return False


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def leftovers(folder: Path, is_ours: Callable[[str], bool]) -> list[Path]:
    """Return the temporary files that killed writers left of files whose names are ours."""
    return [each for each in _temporaries(folder, is_ours) if _is_left(each)]


def _temporaries(folder: Path, is_ours: Callable[[str], bool]) -> list[Path]:
    return [
        path
        for path in folder.iterdir()
        if (found := _TEMPORARY.fullmatch(path.name)) and is_ours(found["name"])
    ]


def _give_name(temporary: Path, path: Path) -> None:
    """Give a file its name unless that is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise _taken() from None
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise _taken() from None
        temporary.replace(path)
    else:
        temporary.unlink()


def _taken() -> FileExistsError:
    hint = "pass another path, or force=True (--force) to replace it"
    return FileExistsError(errno.EEXIST, f"another writer has made it meanwhile; {hint}")


def _lock(descriptor: int) -> None:
    """Lock a file that is being written: the lock ends with the process, however that ends."""
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_left(path: Path) -> bool:
    try:
        with regular_files.opened(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return path.exists()
    except ValueError:  # not a regular file: none of ours
        return False
    return True
