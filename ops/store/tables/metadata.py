"""The one catalogue that every table is written into."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()
