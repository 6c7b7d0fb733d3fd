"""`python -m tests.released`: freeze the migration files of this version, once, when it is released."""

from __future__ import annotations

import sys

from apistatus import __version__
from apistatus.postgres import migration_files
from tests.released import HERE, listed

path = HERE / f"{__version__}.sha256"
if path.exists():
    sys.exit(f"{path.name} is there already: what was released stays as it is")
path.write_text(listed(migration_files.packaged()))
print(f"{path.name}: {len(migration_files.packaged())} files")
