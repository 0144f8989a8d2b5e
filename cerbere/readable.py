"""Cerbère's request. A head that makes no sense is told by a page, where Django fails before any of ours."""

from typing import Any

from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIRequest
from django.utils.http import parse_header_parameters

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
UTF_8 = ("utf-8", "utf8")


class Request(WSGIRequest):
    """Addresses and forms are UTF-8, whatever codec of Python's a Content-Type names."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        told = meta.get("CONTENT_TYPE", "")
        try:
            self.content_type, self.content_params = parse_header_parameters(told)
            readable = "*" not in told  # RFC 2231's, x*=nonsense''%41: no form has them, each Python reads its own
        except (ValueError, TypeError):
            readable = False
        if not readable:
            self.content_type, self.content_params = "", {"charset": "unreadable"}

    def _load_post_and_files(self) -> None:
        charset = (self.content_params or {}).get("charset", "utf-8")
        if self.method == "POST" and self.content_type in ("", *FORMS) and charset.lower() not in UTF_8:
            raise BadRequest("a form that is not UTF-8")
        try:
            super()._load_post_and_files()
        except TypeError as error:  # the same in the head of a part: x*=a; x*0=b
            self._mark_post_parse_error()  # type: ignore[attr-defined]
            raise BadRequest("a part that cannot be read") from error
