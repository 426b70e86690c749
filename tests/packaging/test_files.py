"""The exact list of files in the sdist and in the wheel, and the wheel's size."""

import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSTALLED = {
    "jacnet/lib/libjacnet.a",
    "jacnet/lib/cmake/jacnet/jacnetConfig.cmake",
    "jacnet/lib/cmake/jacnet/jacnetConfigVersion.cmake",
    "jacnet/lib/cmake/jacnet/jacnetTargets.cmake",
    "jacnet/lib/cmake/jacnet/jacnetTargets-release.cmake",
    "jacnet/lib/pkgconfig/jacnet.pc",
}
METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt"}
LICENSES = {"licenses/LICENSE", "licenses/NOTICE"}


def tracked(folder="."):
    """Return the files under version control, relative to the folder."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT / folder, check=True, capture_output=True, text=True
    ).stdout
    return set(listing.strip("\0").split("\0"))


def test_sdist_is_the_repository(sdist):
    with tarfile.open(sdist) as archive:
        files = {entry.name.split("/", 1)[1] for entry in archive if entry.isfile()}
    assert files == tracked() | {"PKG-INFO"}


def test_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if not name.endswith("/")}
    (info,) = {name.split("/")[0] for name in files if ".dist-info/" in name}
    (module,) = (name for name in files if re.fullmatch(r"jacnet/_core\.[\w-]+\.so", name))
    assert files == {
        module,
        *INSTALLED,
        *(f"jacnet/{name}" for name in tracked("python/jacnet")),
        *(f"jacnet/include/{name}" for name in tracked("cpp/include")),
        *(f"{info}/{name}" for name in METADATA | LICENSES),
    }


def test_wheel_is_small(wheel):
    assert wheel.stat().st_size < 5_000_000
