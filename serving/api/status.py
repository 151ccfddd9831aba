"""What serves: the release, its parts, its models and who approved them."""

from fastapi import APIRouter, Request, Response

from serving.api.desk import Desk, answered


def router(desk: Desk) -> APIRouter:
    """The routes that tell about the service itself."""
    routes = APIRouter()

    @routes.get("/v1/status")
    async def status(request: Request) -> Response:
        serving = desk.engine.serving
        return answered(
            {"status": "ready", "request_id": request.state.request_id, **serving.facts}
            | {"release": serving.scorer.loaded.version, **desk.following()}
        )

    @routes.get("/v1/models")
    async def models(request: Request) -> Response:
        return answered({"request_id": request.state.request_id, **desk.engine.serving.models})

    return routes
