"""Requests out of SOAP envelopes: one pass over the XML, and nothing that a request does not need."""

from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
BANK = "urn:soapbank:v1"

#: Fields of the longest request, and characters of the longest value, with room to spare.
FIELD_LIMIT = 16
TEXT_LIMIT = 512


class UnreadableError(Exception):
    """The body is no request; the text says why, without repeating any of it."""


class Reader:
    """Follows Envelope > (Header >) Body > operation > fields, and stops at anything else."""

    def __init__(self) -> None:
        self.operation = ""
        self.fields: list[tuple[str, str]] = []
        self._path: list[str] = []
        self._text = ""
        self._headers = 0  #: depth within a header, which is passed over
        self._bodies = 0

    def read(self, body: bytes) -> tuple[str, list[tuple[str, str]]]:
        """Return the operation's name and its fields in order. Raises `UnreadableError`."""
        if b"<!" in body.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
            raise UnreadableError("document types are not accepted")
        try:
            self._parser().Parse(body.decode(), True)
        except UnicodeDecodeError:
            raise UnreadableError("the body is not UTF-8") from None
        except ExpatError as error:
            raise UnreadableError(f"not XML at line {error.lineno}") from None
        if not self.operation:
            raise UnreadableError("the envelope's body holds no operation")
        return self.operation, self.fields

    def _parser(self) -> XMLParserType:
        parser = ParserCreate(None, "|")
        parser.buffer_text = True
        parser.StartElementHandler = self._starts
        parser.EndElementHandler = self._ends
        parser.CharacterDataHandler = self._says
        parser.ProcessingInstructionHandler = _instruction
        parser.StartDoctypeDeclHandler = _document_type
        return parser

    def _starts(self, name: str, _attributes: dict[str, str]) -> None:
        if self._headers or (self._path == [f"{SOAP}|Envelope"] and name == f"{SOAP}|Header"):
            self._headers += 1
            if self._bodies or self._headers > FIELD_LIMIT:
                raise UnreadableError("the header is misplaced or too deep")
            return
        match self._path:
            case []:
                _expect(name == f"{SOAP}|Envelope", "a SOAP 1.1 envelope is expected")
            case [_]:
                self._bodies += 1
                _expect(name == f"{SOAP}|Body" and self._bodies == 1, "one Body is expected")
            case [_, _]:
                of_bank = name.startswith(f"{BANK}|") and not self.operation
                _expect(of_bank, f"one operation of {BANK} is expected")
                self.operation = name.partition("|")[2]
            case [_, _, _]:
                _expect(name.startswith(f"{BANK}|"), f"fields are of {BANK}")
                _expect(len(self.fields) < FIELD_LIMIT, "too many fields")
                self._text = ""
            case _:
                raise UnreadableError("fields hold texts only")
        self._path.append(name)

    def _says(self, text: str) -> None:
        if len(self._path) == 4:
            self._text += text
            _expect(len(self._text) <= TEXT_LIMIT, "a field is too long")
        elif not self._headers:
            _expect(not text.strip(), "there is text beside the fields")

    def _ends(self, name: str) -> None:
        if self._headers:
            self._headers -= 1
            return
        if len(self._path) == 4:
            self.fields.append((name.partition("|")[2], self._text))
        self._path.pop()


def _expect(it: bool, otherwise: str) -> None:
    if not it:
        raise UnreadableError(otherwise)


def _instruction(*_: Any) -> None:
    raise UnreadableError("processing instructions are not accepted")


def _document_type(*_: Any) -> None:
    raise UnreadableError("document types are not accepted")
