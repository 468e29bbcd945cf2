"""An OpenAI-compatible picture server: generations, edits with reference pictures, links to another host."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tests.support.model_servers.base import Refused, Route
from tests.support.model_servers.exchange import Received, Reply, json_reply
from tests.support.model_servers.fields import Field, check_form
from tests.support.model_servers.openai_form import OpenAIServer
from tests.support.model_servers.pictures import encoded, picture, size_of

SIZES = ("1024x1024", "1536x1024", "1024x1536")
FIELDS = {
    "model": Field(required=True),
    "prompt": Field(required=True, shortest=1, longest=4000),
    "n": Field("integer", low=1, high=10),
    "response_format": Field(choices=("b64_json", "url")),
    "quality": Field(choices=("auto", "low", "medium", "high", "standard", "hd")),
    "user": Field(),
}
REFERENCES = ("image", "image[]")
MOST_REFERENCES = 16
LINKS = "GET /pictures/{name}"
BLOCKED = "Your request was rejected by the safety system."


@dataclass(frozen=True)
class Order:
    """Pictures that were asked for, of this size; `link`: as links."""

    prompt: str
    width: int
    height: int
    count: int = 1
    link: bool = False


class OpenAIImages(OpenAIServer):
    """Paints gradients in colours of the prompt's own, in one of its `sizes`. Without `takes_seed` it does not know `seed`.

    A picture's link goes to another host name, `localhost`, where no key is asked for: one that is sent there is refused, as by object
    storages. Links answer at `LINKS`, which can be scripted. `references` are the reference pictures of each edit.
    """

    main = "POST /v1/images/generations"
    edits = "POST /v1/images/edits"

    def __init__(self, *, sizes: Iterable[str] = SIZES, takes_seed: bool = True, **common: Any) -> None:
        self.sizes, self.takes_seed = tuple(sizes), takes_seed
        self.references: list[list[bytes]] = []
        self._linked: dict[str, bytes] = {}
        super().__init__(**common)

    def serves(self) -> dict[str, Route[Any]]:
        links = {"expired": self._expired, "cut_off_file": lambda name: self._linked_file(name, 0.5)}
        return {
            **super().serves(),
            self.main: Route(self._check, self._happy, self._replies(), charged=True),
            self.edits: Route(self._check_edit, self._happy, self._replies(), charged=True),
            LINKS: Route(self._check_link, self._linked_file, links),
        }

    def _authorize(self, received: Received) -> None:
        if not received.path.startswith("/pictures/"):
            super()._authorize(received)

    def _fields(self) -> dict[str, Field]:
        seed = {"seed": Field("integer")} if self.takes_seed else {}
        return {**FIELDS, **self.extra_fields, **seed, "size": Field(choices=self.sizes)}

    def _check(self, received: Received) -> Order:
        return self._order(self.checked(received, self._fields()))

    def _check_edit(self, received: Received) -> Order:
        unknown = [name for name in received.files if name not in REFERENCES]
        pictures = [file.content for name in REFERENCES for file in received.files.get(name, [])]
        values = check_form(self._fields(), {**received.form, **dict.fromkeys(unknown, "")})
        self.check_model(values["model"])
        if not pictures or len(pictures) > MOST_REFERENCES:
            raise Refused(400, f"There must be 1 to {MOST_REFERENCES} images.", "missing_required_parameter", "image")
        if not all(map(size_of, pictures)):
            raise Refused(400, "Invalid image file or mode for image 1.", "invalid_image_file", "image")
        self.references.append(pictures)
        return self._order(values)

    def _order(self, values: dict[str, Any]) -> Order:
        width, height = map(int, (values.get("size") or self.sizes[0]).split("x"))
        link = (values.get("response_format") or "url") == "url"
        return Order(values["prompt"], width, height, values.get("n") or 1, link)

    def _check_link(self, received: Received) -> str:
        if "authorization" in received.headers:
            raise Refused(400, "Only one auth mechanism allowed", "InvalidArgument")
        name = received.path.rsplit("/", 1)[1]
        if name not in self._linked:
            raise Refused(404, "The specified key does not exist.", "NoSuchKey")
        return name

    def _linked_file(self, name: str, part: float = 1.0) -> Reply:
        content = self._linked[name]
        return Reply(content=content[: int(len(content) * part)], content_type="image/png")

    def _expired(self, _name: str) -> Reply:
        return Reply(
            403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", "application/xml"
        )

    def _happy(self, order: Order) -> Reply:
        return self._pictures(order, self._paint(order))

    def _paint(self, order: Order) -> Image.Image:
        return picture(order.width, order.height, order.prompt)

    def _pictures(self, order: Order, image: Image.Image, format_: str = "PNG") -> Reply:
        return self._files(order, encoded(image, format_))

    def _files(self, order: Order, content: bytes, link: bool | None = None, prefix: str = "") -> Reply:
        as_link = order.link if link is None else link
        told = [self._told(content, as_link, prefix) for _ in range(order.count)]
        return json_reply({"created": 1_700_000_000, "data": told})

    def _told(self, content: bytes, link: bool, prefix: str) -> dict[str, str]:
        if not link:
            return {"b64_json": prefix + base64.b64encode(content).decode()}
        name = f"{len(self._linked) + 1}.png"
        self._linked[name] = content
        return {"url": f"http://localhost:{self.port}/pictures/{name}?sig=abc%2Fdef"}

    def _replies(self) -> dict[str, Callable[[Order], Reply]]:
        def data(value: Any) -> Callable[[Order], Reply]:
            return lambda _order: json_reply({"created": 1_700_000_000, "data": value})

        def file(order: Order) -> bytes:
            return encoded(self._paint(order))

        return {
            "always_links": lambda order: self._files(order, file(order), link=True),
            "never_links": lambda order: self._files(order, file(order), link=False),
            "data_uri": lambda order: self._files(order, file(order), link=False, prefix="data:image/png;base64,"),
            "lost_link": data([{"url": f"http://localhost:{self.port}/pictures/lost.png"}]),
            "link_inwards": data([{"url": "http://169.254.169.254/latest/meta-data/"}]),
            "link_to_a_file": data([{"url": "file:///etc/passwd"}]),
            "jpeg": lambda order: self._pictures(order, self._paint(order), "JPEG"),
            "webp": lambda order: self._pictures(order, self._paint(order), "WEBP"),
            "other_size": lambda order: self._pictures(
                order, picture(order.width // 2, order.height // 2, order.prompt)
            ),
            "one_pixel": lambda order: self._pictures(order, picture(1, 1, order.prompt)),
            "black": lambda order: self._pictures(order, Image.new("RGB", (order.width, order.height))),
            "blank": lambda order: self._pictures(order, Image.new("RGB", (order.width, order.height), "white")),
            "cut_off_file": lambda order: self._files(order, file(order)[: len(file(order)) // 2]),
            "empty_file": lambda order: self._files(order, b""),
            "page_as_picture": lambda order: self._files(order, b"<html>not found</html>"),
            "broken_base64": data([{"b64_json": "iVBORw0KGgo*"}]),
            "data_empty": data([]),
            "data_null": data(None),
            "picture_missing": data([{"revised_prompt": "a street"}]),
            "error_with_200": lambda _order: json_reply({"error": {"message": "upstream error", "code": 500}}),
            "blocked": self._blocked,
            "blocked_by_policy": self._against_policy,
            "response_format_unknown": self._unknown_format,
        }

    def _blocked(self, _order: Order) -> Reply:
        raise Refused(400, BLOCKED, "moderation_blocked")

    def _against_policy(self, _order: Order) -> Reply:
        raise Refused(400, "Your prompt may contain text that is not allowed.", "content_policy_violation")

    def _unknown_format(self, order: Order) -> Reply:
        """The newer models have no such field, and send no links."""
        if "response_format" in (self.received[-1].body or self.received[-1].form):
            raise Refused(400, "Unknown parameter: 'response_format'.", "unknown_parameter", "response_format")
        return self._files(order, encoded(self._paint(order)), link=False)
