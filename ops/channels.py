"""Channels: the names under which programs call each other through Redis. Calls may get lost."""

from __future__ import annotations

#: The hexadecimal id of a payment whose status has just changed.
MOVED = "paylink:moved"
