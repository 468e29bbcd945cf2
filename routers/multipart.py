"""Multipart forms: texts are UTF-8 or refused, and a file's name is what its client wrote, in UTF-8 or as Chinese systems write theirs."""

from __future__ import annotations

import re
from typing import IO

from flask import Request
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from common.errors import InvalidInput

MULTIPART = "multipart/form-data"
FORM_SLACK = 65_536  # bytes of a form beside its file
READ = 65_536  # bytes
_FOLDERS = re.compile(
    rb'(filename=")(?:[A-Za-z]:|\\)\\(?:[^"\r\n]*\\)?', re.I
)  # of Windows, which some programs send along
_QUOTED = re.compile(rb'(filename\*=)"([^"\r\n]*)"', re.I)  # as Postman writes it, and RFC 8187 does not


class _Decoder(MultipartDecoder):
    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        """Browsers on old Chinese systems, and many programs, send a file's name in GBK; GB 18030 reads that, too.
        Its folders are dropped here: their backslashes would be taken for escapes.
        """
        try:
            data.decode()
        except UnicodeDecodeError:
            data = data.decode("gb18030").encode()
        return super()._parse_headers(_QUOTED.sub(rb"\1\2", _FOLDERS.sub(rb"\1", bytes(data))))


class _Form:
    """The parts as they come in. Files are spooled by `start`, which werkzeug's parser would use as well."""

    def __init__(self, parser: FormDataParser, content_length: int | None) -> None:
        self._parser, self._content_length = parser, content_length
        self._part: Field | File | None = None
        self._text = bytearray()
        self._file: IO[bytes] | None = None
        self.texts: list[tuple[str, str]] = []
        self.files: list[tuple[str, FileStorage]] = []

    def take(self, event: Event) -> None:
        """The next event."""
        if isinstance(event, Field | File):
            self._part, self._text = event, bytearray()
            self._file = self._spool(event) if isinstance(event, File) else None
        elif isinstance(event, Data) and self._part is not None:
            self._add(event, self._part)

    def close(self) -> None:
        """Give up what was spooled."""
        for file in [self._file, *(found.stream for _, found in self.files)]:
            if file is not None:
                file.close()

    def _spool(self, part: File) -> IO[bytes]:
        return self._parser.stream_factory(self._content_length, part.headers.get("content-type"), part.filename, None)

    def _add(self, data: Data, part: Field | File) -> None:
        if self._file is not None:
            self._file.write(data.data)
            if not data.more_data:
                self._file.seek(0)
                found = FileStorage(self._file, getattr(part, "filename", None), part.name, headers=part.headers)
                self.files.append((part.name or "", found))
                self._file = None
            return
        self._text += data.data
        limit = self._parser.max_form_memory_size
        if limit is not None and len(self._text) > limit:
            raise RequestEntityTooLarge
        if not data.more_data:
            name = part.name or ""  # a part may have none, and is then no parameter of ours
            self.texts.append((name, text_of(name or "body", bytes(self._text))))


class _FormParser(FormDataParser):
    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        if mimetype != MULTIPART:
            return super().parse(stream, mimetype, content_length, options)
        form = _Form(self, content_length)
        try:
            self._read(stream, (options or {}).get("boundary", ""), form)
        except ValueError as error:
            form.close()
            if not content_length:  # an empty body is no error
                return stream, self.cls(), self.cls()
            raise InvalidInput("body", "请求体不是有效的 multipart 表单（名称须为 UTF-8 文本）") from error
        except BaseException:
            form.close()
            raise
        return stream, self.cls(form.texts), self.cls(form.files)

    def _read(self, stream: IO[bytes], boundary: str, form: _Form) -> None:
        decoder = _Decoder(boundary.encode("ascii"), self.max_form_memory_size, max_parts=self.max_form_parts)
        event: Event = NeedData()
        while not isinstance(event, Epilogue):
            decoder.receive_data(stream.read(READ) or None)
            event = decoder.next_event()
            while not isinstance(event, Epilogue | NeedData):
                form.take(event)
                event = decoder.next_event()


class StrictFormRequest(Request):
    """A request whose multipart form is as above; what reads it raises `InvalidInput`."""

    form_data_parser_class = _FormParser


def only_file(request: Request) -> FileStorage:
    """The one file of a form; raises `InvalidInput`."""
    files = [file for _, file in request.files.items(multi=True)]
    if len(files) != 1:
        raise InvalidInput("file", f"需要恰好一个文件（multipart/form-data），收到 {len(files)} 个")
    return files[0]


def text_of(name: str, raw: bytes) -> str:
    """A parameter's text; raises `InvalidInput` unless it is UTF-8. Werkzeug puts question marks in its place, which would be stored."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(name, f"{name} 不是有效的 UTF-8 文本") from error
