"""What a person must put right before the programs can run."""

from __future__ import annotations


class DevError(RuntimeError):
    """Nothing is broken in the code: the text says what to change on this machine."""


class BinaryMissing(DevError):
    """No server binary was found, or the forced one does not run here."""


class FolderUnusable(DevError):
    """The data folder cannot be written, or belongs to somebody else."""


class AlreadyRunning(DevError):
    """Another living process holds this folder."""


class PortTaken(DevError):
    """Somebody else listens on a port we need."""


class ServerFailed(DevError):
    """A server ended, or did not answer in time; the end of its log is in the text."""
