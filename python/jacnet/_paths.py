"""Where the C++ library that comes with the wheel lives, for other people's builds."""

from __future__ import annotations

from pathlib import Path

from ._calls import public

_PREFIX = Path(__file__).resolve().parent


@public
def get_include() -> str:
    """Folder to add to a compiler's include path: it holds ``jacnet/jacnet.hpp``."""
    return _existing("include", "jacnet/jacnet.hpp")


@public
def get_cmake_dir() -> str:
    """Folder with ``jacnetConfig.cmake``; pass it as ``-Djacnet_DIR=``."""
    return _existing("lib/cmake/jacnet", "jacnetConfig.cmake")


@public
def get_pkgconfig_dir() -> str:
    """Folder with ``jacnet.pc``; add it to ``PKG_CONFIG_PATH``."""
    return _existing("lib/pkgconfig", "jacnet.pc")


def _existing(folder: str, witness: str) -> str:
    path = _PREFIX / folder
    if not (path / witness).exists():
        raise FileNotFoundError(
            f"{path / witness} does not exist: the C++ files come with the installed package "
            "(pip install .), not with the source tree"
        )
    return str(path)
