"""``decalogo`` on the command line."""

from __future__ import annotations

from serve_app.cli.main import app

__all__ = ["app"]
