"""Rows from files: each format reads bytes into canonical Arrow rows."""

from __future__ import annotations
