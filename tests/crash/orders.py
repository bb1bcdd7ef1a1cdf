"""Orders: what a child process of the matrix is to be, as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.commands import Command
from tests.crash.cells import Boundary, Cell, Deed, How, When


class Role(StrEnum):
    """What a child is."""

    DOOR = "door"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Order:
    """One child. Without a cell nothing strikes it."""

    role: Role
    environ: Mapping[str, str] = field(repr=False)
    log: str
    #: The commands that a worker serves.
    commands: tuple[Command, ...] = ()
    #: Whether it lets a provider decide in its own time, instead of looking every moment.
    patient: bool = False
    cell: Cell | None = None
    #: In which runs a worker is struck.
    command: Command | None = None
    #: A planted bug, by the name of what makes it.
    bug: str = ""

    def to_line(self, number: int) -> bytes:
        """Return the order as a line; `number` names the child in what is said about it."""
        cell = self.cell
        fields = {
            "number": number,
            "role": self.role,
            "environ": dict(self.environ),
            "log": self.log,
            "commands": self.commands,
            "patient": self.patient,
            "cell": cell and [cell.deed, cell.boundary, cell.when, cell.how],
            "command": self.command,
            "bug": self.bug,
        }
        return json.dumps(fields).encode() + b"\n"


def read_order(line: bytes) -> tuple[int, Order]:
    """Read such a line."""
    fields = json.loads(line)
    cell = fields["cell"]
    if cell is not None:
        deed, boundary, when, how = cell
        cell = Cell(Deed(deed), Boundary(boundary), When(when), How(how))
    return fields["number"], Order(
        role=Role(fields["role"]),
        environ=fields["environ"],
        log=fields["log"],
        commands=tuple(Command(name) for name in fields["commands"]),
        patient=fields["patient"],
        cell=cell,
        command=Command(fields["command"]) if fields["command"] else None,
        bug=fields["bug"],
    )
