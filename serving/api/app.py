"""The application: endpoints behind the gate."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from feature_repo.errors import BankError
from serving.api import docs_page, events, explanation, loyalty, outcomes, records, reviews, status
from serving.api.desk import Desk
from serving.api.gate import Gate, Refused
from serving.api.problems import Problem, problem_of
from serving.api.questions import apps
from serving.auth import ROUTES, TokenCheck


def create_app(desk: Desk, check: TokenCheck, now: Callable[[], datetime], new_id: Callable[[], str]) -> Gate:
    """The whole HTTP application, closed by the route table."""
    return Gate(endpoints(desk), ROUTES, check, now, new_id, hot=apps(desk))


def endpoints(desk: Desk) -> FastAPI:
    """The endpoints but those of questions. Never serve them without the gate: it admits and reads bodies."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for room in (outcomes, records, explanation, reviews, loyalty, events, status):
        app.include_router(room.router(desk))
    app.include_router(docs_page.router())
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
