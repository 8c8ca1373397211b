"""Databases for these tests."""

from __future__ import annotations

from store_servers.databases import database_url, engine, postgres, sqlite_engine, sqlite_url

__all__ = ["database_url", "engine", "postgres", "sqlite_engine", "sqlite_url"]
