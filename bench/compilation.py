"""Compilation of C and C++ sources when a measurement first needs them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .peers.base import MissingError

SOURCES = Path(__file__).parent / "cpp"


def compiled(source: Path, flags: list[str], libraries: list[str] | None = None) -> Path:
    """Compile one source file; the same file with the same flags only once per machine.

    Parameters
    ----------
    source : Path
        C (.c) or C++ (.cpp).
    flags, libraries : list of str
        For the compiler, before and after the source.

    Raises
    ------
    MissingError
        If there is no compiler, or it refuses; the message is its first error.
    """
    compiler = _compiler(source)
    command = [compiler, *flags]
    text = "\0".join([*command, *(libraries or []), source.read_text()])
    folder = Path(tempfile.gettempdir()) / f"jacnet-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"{source.stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not target.exists():
        part = target.with_suffix(f".{os.getpid()}")
        run = subprocess.run(
            [*command, str(source), "-o", str(part), *(libraries or [])],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            errors = [line for line in run.stderr.splitlines() if "error" in line]
            raise MissingError((errors or ["the compiler failed"])[0])
        part.rename(target)
    return target


def with_jacnet(source: Path, flags: list[str]) -> Path:
    """Compile a C++ source against the installed jacnet's library; a rebuilt one is linked anew.

    Raises
    ------
    MissingError
        As `compiled`, and if jacnet is not installed with its library.
    """
    import jacnet as jn

    try:
        library = Path(jn.get_cmake_dir()).parents[1] / "libjacnet.a"
    except FileNotFoundError as error:
        raise MissingError("jacnet is not installed with its C++ library") from error
    if not library.exists():
        raise MissingError(f"no {library.name} in the installed package")
    stamp = f"-DLIBRARY_STAMP={library.stat().st_mtime_ns}"
    return compiled(source, [*flags, f"-I{jn.get_include()}", stamp], [str(library), "-fopenmp"])


def _compiler(source: Path) -> str:
    variable, names = ("CC", ("cc", "gcc")) if source.suffix == ".c" else ("CXX", ("c++", "g++"))
    for name in (os.environ.get(variable), *names):
        if name and shutil.which(name):
            return name
    raise MissingError(f"no compiler for {source.name}")
