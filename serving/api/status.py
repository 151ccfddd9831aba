"""What serves: the release, its parts, its models and who approved them."""

from fastapi import APIRouter, Request, Response

from serving.api.desk import Desk, answered


def router(desk: Desk) -> APIRouter:
    """The routes that tell about the service itself."""
    routes = APIRouter()

    @routes.get("/v1/status", summary="What serves, and since which data")
    async def status(request: Request) -> Response:
        version = desk.engine.scorer.loaded.version
        return answered(
            {"status": "ready", "request_id": request.state.request_id, **desk.facts} | {"release": version}
        )

    @routes.get("/v1/models", summary="The models of the release, their figures and approvals")
    async def models(request: Request) -> Response:
        return answered({"request_id": request.state.request_id, **desk.models})

    return routes
