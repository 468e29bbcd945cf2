"""`/v1/api/auth` and `/api/auth`: log in, stay so, log out, and who one is."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, g, jsonify, request

from common.errors import Forbidden, Unauthorized
from routers import request_params
from routers.access.credentials import (
    ACCESS_COOKIE,
    REFRESH_COOKIE,
    drop_cookies,
    is_from_own_page,
    set_cookies,
)
from routers.access.gate import Gate, client_address
from routers.serializers import Json
from service.access import logins
from service.access.logins import Issued
from service.access.principals import Principal
from service.access.tokens import INVALID, REFRESH
from service.schemas import LoginRequest, RefreshRequest

Success = Callable[[Json], Json]


def blueprint(gate: Gate, success: Success = lambda body: body) -> Blueprint:
    """The routes over the gate's services; `success` adds what a surface's answers have in common."""
    routes = Blueprint("auth", __name__)
    services = gate.services

    @routes.post("/auth/login")
    def login() -> Response:
        wanted = request_params.parse(LoginRequest, request, services.settings)
        if wanted.cookie and not is_from_own_page(request, services.settings.server):
            raise Forbidden("此网页来源不能使用登录 Cookie")
        address = client_address(request.environ)
        gate.limits.check_login(wanted.username, address)
        try:
            issued = logins.log_in(services, gate.tokens, wanted.username, wanted.password)
        except Unauthorized:
            gate.limits.note_failed_login(wanted.username, address)
            raise
        return _answer(gate, issued, success, cookie=wanted.cookie)

    @routes.post("/auth/refresh")
    def refresh() -> Response:
        given = request_params.parse(RefreshRequest, request, services.settings).refresh_token
        cookie = "" if given else request.cookies.get(REFRESH_COOKIE, "")
        if cookie:
            gate.check_form_token(gate.tokens.read(REFRESH, cookie).session_id)
        issued = logins.refresh(services, gate.tokens, given or cookie)
        return _answer(gate, issued, success, cookie=bool(cookie))

    @routes.post("/auth/logout")
    def logout() -> Response:
        principal = _principal()
        if not principal.session_id:
            raise Forbidden("API 密钥没有登录可以退出；吊销请用 main.py key revoke")
        logins.log_out(services, principal.session_id)
        response = jsonify(success({"message": "已退出登录"}))
        drop_cookies(response)
        return response

    @routes.get("/auth/me")
    def me() -> Response:
        principal = _principal()
        body = {
            "id": principal.account_id,
            "username": principal.name,
            "role": principal.role,
            "scope": principal.scope.value,
        }
        if principal.session_id and ACCESS_COOKIE in request.cookies:
            body["csrf_token"] = gate.tokens.form_token(principal.session_id)
        return jsonify(success(body))

    return routes


def _principal() -> Principal:
    """Who has come in. Raises `Unauthorized` where everybody may, and nobody is asked."""
    found: Principal | None = g.get("principal")
    if found is None:
        raise Unauthorized(INVALID)
    return found


def _answer(gate: Gate, issued: Issued, success: Success, *, cookie: bool) -> Response:
    """The tokens, or for a browser's page cookies in their place, with what it must send beside them."""
    kept_s = gate.services.settings.auth.refresh_days * 86_400
    if not cookie:
        tokens = {
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "refresh_expires_in": kept_s,
        }
        return jsonify(success(tokens))
    form_token = gate.tokens.form_token(issued.session_id)
    response = jsonify(success({"csrf_token": form_token, "expires_in": issued.expires_in}))
    set_cookies(response, issued, kept_s)
    return response
