"""The site's middleware for static files, which looks for them once in a process.

Each client of a test makes all middleware anew. To look for two hundred files takes longer than most requests.
"""

from __future__ import annotations

from typing import Any

from jobsite.static import StaticMiddleware

_found: dict[str, Any] = {}


class StaticMiddlewareOfTests(StaticMiddleware):
    def add_files_from_finders(self) -> None:
        """Take the files that were found at first, and the folders in which they are."""
        if not _found:
            super().add_files_from_finders()
            _found.update(files=vars(self)["files"], directories=vars(self)["directories"])
        self.files, self.directories = dict(_found["files"]), list(_found["directories"])
