"""The address of the certificate in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge.kiosk.context import PageContext


def routes(context: PageContext) -> list[Route]:
    """Return the certificate's route, for those who want to compare it or let their machine trust it."""

    async def pem(_request: Request) -> Response:
        if context.tls is None:
            raise HTTPException(404)
        name = {"Content-Disposition": f'attachment; filename="{context.node}.pem"'}
        return Response(context.tls.certificate.pem, media_type="application/x-pem-file", headers=name)

    return [Route("/certificate.pem", pem, methods=["GET"])]
