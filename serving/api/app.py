"""The application: endpoints behind the gate."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from feature_repo.errors import BankError
from serving.api import events, loyalty, outcomes, questions, records, reviews, status
from serving.api.desk import Desk
from serving.api.gate import Gate, Refused
from serving.api.problems import Problem, problem_of
from serving.auth import ROUTES, TokenCheck

TITLE = "Bank customer platform"
VERSION = "1"


def create_app(desk: Desk, check: TokenCheck, now: Callable[[], datetime], new_id: Callable[[], str]) -> Gate:
    """The whole HTTP application, closed by the route table."""
    return Gate(endpoints(desk), ROUTES, check, now, new_id)


def endpoints(desk: Desk) -> FastAPI:
    """The endpoints alone. Never serve them without the gate: it authorises and reads bodies."""
    app = FastAPI(title=TITLE, version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False)
    for room in (questions, outcomes, records, reviews, loyalty, events, status):
        app.include_router(room.router(desk))
    for kind in (BankError, ValidationError, Refused, HTTPException, Exception):
        app.add_exception_handler(kind, _as_problem)
    return app


async def _as_problem(request: Request, error: Exception) -> Response:
    request_id: str = request.state.request_id
    if isinstance(error, Refused):
        return error.problem.response(request_id)
    if isinstance(error, HTTPException):
        problem = Problem(error.status_code, "http", "Not possible", "See /openapi.json for the routes.")
        return problem.response(request_id)
    return problem_of(error).response(request_id)
