"""The database of programs that a channel's expressions have with them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
from typing import IO

from ..errors import DownloadFailed
from ..tools.http import Stop
from ..tools.unpack import UnpackError, open_unpacked


def unpack_programs(file: str, packed: dict[str, str], path: str, stop: Stop) -> None:
    """Take the database out of a channel's nixexprs.tar.xz, or of what it alone is packed in.

    Args:
        packed: what `open_unpacked` is told.
        path: where it is put, at once or not at all.

    Raises:
        DownloadFailed: there is none in it.
        Stopped: `stop` was called.
    """
    try:
        with open_unpacked(file, **packed) as stream, open(f"{path}.new", "wb") as database:
            if packed["name"].endswith(".tar.xz"):
                with tarfile.open(fileobj=stream, mode="r|") as archive:
                    shutil.copyfileobj(_member(archive, stop), database)
            else:
                shutil.copyfileobj(stream, database)
        os.replace(f"{path}.new", path)
    except (UnpackError, tarfile.TarError, OSError) as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}.new")
        raise DownloadFailed(
            f"{packed['name']} has no database of programs.", f"{error}."
        ) from error


def _member(archive: tarfile.TarFile, stop: Stop) -> IO[bytes]:
    for member in archive:
        stop.check()
        if os.path.basename(member.name) == "programs.sqlite" and member.isfile():
            found = archive.extractfile(member)
            if found is not None:
                return found
    raise tarfile.TarError("there is no programs.sqlite in it")
