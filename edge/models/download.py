"""Download of one small file over HTTPS, limited in size and time."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from edge import __version__
from edge.core.errors import InputError

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPMessage

_SILENCE_S = 20.0
"""Longest pause between two reads from the server, in seconds."""
_WHOLE_S = 60.0
_PART = 1 << 16
_LONGEST_CAUSE = 120


def fetch(url: str, most_bytes: int, *, context: ssl.SSLContext | None = None, whole_s: float = _WHOLE_S) -> bytes:
    """Return the content of ``url``, downloaded through the proxies of the environment.

    Args:
        url: an address that begins with ``https://``; redirects must, too.
        most_bytes: the largest accepted content.
        context: the certificates to trust, in place of the system's.
        whole_s: longest duration of the whole transfer, in seconds.

    Raises:
        InputError: the download fails; the message is the host and the cause, without a remedy.
    """
    try:
        return _fetched(url, most_bytes, context, whole_s)
    except urllib.error.HTTPError as error:
        error.close()
        cause = f"answers {error.code} {error.reason}".strip()
    except urllib.error.URLError as error:
        cause = _plain(error.reason)
    except TimeoutError:
        cause = "too slow, or no answer"
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = _plain(error)
    msg = f"{host(url)}: {cause}"
    raise InputError(msg)


def host(url: str) -> str:
    """Return the host name of ``url``."""
    return urlsplit(url).hostname or url


class _HttpsRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to HTTPS."""

    def redirect_request(  # noqa: PLR0917 - the base's own
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            reason = f"redirects to {urlsplit(newurl).scheme}, not https"
            raise urllib.error.URLError(reason)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetched(url: str, most_bytes: int, context: ssl.SSLContext | None, whole_s: float) -> bytes:
    if not url.startswith("https://"):
        msg = "not an https address"
        raise ValueError(msg)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _HttpsRedirects())
    opener.addheaders = [("User-Agent", f"face-edge/{__version__}")]
    content, end = bytearray(), time.monotonic() + whole_s
    with opener.open(url, timeout=min(_SILENCE_S, whole_s)) as response:
        while part := response.read1(_PART):
            content += part
            if len(content) > most_bytes:
                msg = f"larger than {most_bytes / 1e6:.0f} MB"
                raise ValueError(msg)
            if time.monotonic() > end:
                raise TimeoutError
    return bytes(content)


def _plain(reason: object) -> str:
    """Return the cause of urllib's failure as one short line."""
    if isinstance(reason, TimeoutError):
        return "no answer"
    text = (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__
    return " ".join(text.split())[:_LONGEST_CAUSE]
