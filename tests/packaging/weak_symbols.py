"""Fail on kernel symbols that the linker could merge with those of another instruction set.

Usage: weak_symbols.py NM ISA OBJECT...

A weak or unique symbol (an inline function, a template) without the name of its instruction set
exists once in the program, whichever set it was compiled for: a crash, or the slow one silently.
"""

import re
import subprocess
import sys

EXEMPT = {"DW.ref.__gxx_personality_v0"}  # a pointer, the same for every set


def untagged(nm: str, isa: str, path: str) -> list[str]:
    """Return the demangled mergeable symbols of one object that lack the tag of their set."""
    listing = subprocess.run([nm, "-C", path], check=True, capture_output=True, text=True).stdout
    tag = re.compile(rf"Eigen_{isa}::|jacnet::kernels::{isa}::")
    symbols = re.findall(r"^[0-9a-f ]{16} ([WVu]) (.+)$", listing, re.MULTILINE)
    return [name for _, name in symbols if name not in EXEMPT and not tag.search(name)]


def main() -> int:
    """Check every object named on the command line."""
    nm, isa, *paths = sys.argv[1:]
    found = [(path, name) for path in paths for name in untagged(nm, isa, path)]
    for path, name in found:
        print(f"{path}: {name}")
    print(f"{isa}: {len(paths)} objects, {len(found)} mergeable symbols without the tag")
    return 1 if found or not paths else 0


if __name__ == "__main__":
    raise SystemExit(main())
