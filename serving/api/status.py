"""What serves: the release, its parts, its models and who approved them."""

from fastapi import APIRouter, Request, Response

from serving.api.desk import Desk, answered


def router(desk: Desk) -> APIRouter:
    """The routes that tell about the service itself."""
    routes = APIRouter()

    @routes.get("/v1/status", summary="What serves, and since which data")
    async def status(request: Request) -> Response:
        serving = desk.engine.serving
        return answered(
            {"status": "ready", "request_id": request.state.request_id, **serving.facts}
            | {"release": serving.scorer.loaded.version, **desk.following()}
        )

    @routes.get("/v1/models", summary="The models of the release, their figures and approvals")
    async def models(request: Request) -> Response:
        return answered({"request_id": request.state.request_id, **desk.engine.serving.models})

    return routes
