"""The description of the API: for programs at /openapi.json, for people at /docs."""

from functools import cache

import orjson
from fastapi import APIRouter, Response

from serving.api.described.page import POLICY, page
from serving.api.desk import answered
from serving.api.openapi import document


def router() -> APIRouter:
    """GET /openapi.json and GET /docs, both made once a process."""
    routes = APIRouter()
    as_json, as_page = _made()

    @routes.get("/openapi.json")
    async def openapi() -> Response:
        return answered(as_json)

    @routes.get("/docs")
    async def docs() -> Response:
        headers = {"Content-Security-Policy": POLICY}
        return Response(as_page, media_type="text/html; charset=utf-8", headers=headers)

    return routes


@cache
def _made() -> tuple[bytes, bytes]:
    described = document()
    return orjson.dumps(described), page(described).encode()
