"""Methods of other people's packages, found by the entry point group `facebench.methods`.

```toml
[project.entry-points."facebench.methods"]
my_method = "my_package.my_module:METHOD"
```

The entry point's name is the method's, and its object a `benchmark.Method` of that name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from benchmark.methods.names import MOST, is_plain
from faceref.errors import FaceRefError

GROUP = "facebench.methods"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""As the file of a built-in method: it names folders, and `-` begins a variant."""


@dataclass(frozen=True)
class Outside:
    """One entry point, not imported yet."""

    name: str
    package: str
    """Name of the distribution, as `pip uninstall` takes it."""
    version: str
    entry: EntryPoint

    @property
    def target(self) -> str:
        """What is imported: `my_package.my_module:METHOD`."""
        return self.entry.value

    def __str__(self) -> str:
        return f"Method {self.name!r} of the package {self.package} {self.version}"

    def load(self) -> object:
        """Import the object; raises FaceRefError with the package and the cause."""
        try:
            return self.entry.load()
        except Exception as error:
            raise FaceRefError(
                f"{self}: {self.target} cannot be imported: {type(error).__name__}: {error}. "
                f"Mend the package, or: pip uninstall {self.package}"
            ) from error


def offered() -> dict[str, list[Outside]]:
    """All entry points of the group by name, one for each package; imports none of them."""
    found: dict[str, list[Outside]] = {}
    for entry in entry_points(group=GROUP):
        made_by = entry.dist
        package = made_by.name if made_by else "unknown"
        version = made_by.version if made_by else "unknown"
        found.setdefault(entry.name, []).append(Outside(entry.name, package, version, entry))
    return found


def only(name: str, built_in: Collection[str]) -> Outside:
    """The entry point `name`; raises FaceRefError where the name is not free or not allowed."""
    entries = offered()[name]
    if name in built_in:
        raise FaceRefError(
            f"{entries[0]} has the name of a built-in method. Rename it there, or: "
            f"pip uninstall {entries[0].package}"
        )
    if len(entries) > 1:
        packages = sorted(f"{entry.package} {entry.version}" for entry in entries)
        raise FaceRefError(
            f"Method {name!r} is in several packages: {', '.join(packages)}. Uninstall all but one."
        )
    if not (_NAME.fullmatch(name) and is_plain(name)):
        raise FaceRefError(
            f"{entries[0]} has a name that is not allowed: small letters, digits and '_', with a "
            f"letter first, at most {MOST}. Rename it there."
        )
    return entries[0]
