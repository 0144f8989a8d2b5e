"""A small application that signs in as Open WebUI does: Authlib's Starlette client, PyJWT for the logout token.

It wants `name` and `email`, takes them from userinfo, knows people by `sub`, never looks at `acr`, and ends all
sessions of whoever a logout token names. `OAUTH_AUTHORIZE_PARAMS` goes into each authorization request; so does the
query of /login, for the tests.
"""

import json
import os
import secrets
from typing import Any

import jwt
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

EVENT = "http://schemas.openid.net/event/backchannel-logout"
PARAMETERS = json.loads(os.environ["OAUTH_AUTHORIZE_PARAMS"])
sessions: dict[str, dict[str, Any]] = {}
oidc = OAuth().register(
    name="oidc",
    client_id=os.environ["OAUTH_CLIENT_ID"],
    client_secret=os.environ["OAUTH_CLIENT_SECRET"],
    server_metadata_url=os.environ["OPENID_PROVIDER_URL"],
    client_kwargs={"scope": os.environ["OAUTH_SCOPES"], "code_challenge_method": "S256"},
    redirect_uri=os.environ["OPENID_REDIRECT_URI"],
)


async def login(request: Request) -> Response:
    asked = PARAMETERS | dict(request.query_params)
    return await oidc.authorize_redirect(request, os.environ["OPENID_REDIRECT_URI"], **asked)


async def callback(request: Request) -> Response:
    try:
        token = await oidc.authorize_access_token(request)
    except OAuthError as error:
        return JSONResponse({"error": error.error}, 400)
    claims = dict(token["userinfo"])  # of the ID token
    known = claims if {"email", "name"} <= set(claims) else claims | dict(await oidc.userinfo(token=token))
    if not known.get("email") or not known.get("name"):
        return JSONResponse({"error": "name and email are required"}, 400)
    session_id = secrets.token_urlsafe(16)
    sessions[session_id] = {"sub": known["sub"], "name": known["name"], "email": known["email"], "claims": claims,
                            "id_token": token["id_token"]}  # fmt: skip
    response = RedirectResponse("/", 302)
    response.set_cookie("oauth_session_id", session_id, httponly=True, samesite="lax")
    return response


async def home(request: Request) -> Response:
    session = sessions.get(request.cookies.get("oauth_session_id", ""))
    return JSONResponse(session or {"error": "signed out"}, 200 if session else 401)


async def sign_out(request: Request) -> Response:
    session = sessions.pop(request.cookies.get("oauth_session_id", ""))
    return await oidc.logout_redirect(request, request.url_for("goodbye"), session["id_token"])


async def goodbye(request: Request) -> Response:
    await oidc.validate_logout_response(request)
    return JSONResponse({"goodbye": True})


async def backchannel_logout(request: Request) -> Response:
    async with request.form() as form:
        logout_token = str(form["logout_token"])
    metadata = await oidc.load_server_metadata()
    try:
        claims = await run_in_threadpool(read_logout_token, logout_token, metadata["issuer"], metadata["jwks_uri"])
    except jwt.InvalidTokenError as error:
        return JSONResponse({"error": "invalid_request", "error_description": str(error)}, 400)
    for session_id in [key for key, session in sessions.items() if session["sub"] == claims["sub"]]:
        del sessions[session_id]
    return JSONResponse({})


def read_logout_token(logout_token: str, issuer: str, jwks_uri: str) -> dict[str, Any]:
    key = jwt.PyJWKClient(jwks_uri).get_signing_key_from_jwt(logout_token)
    algorithms, required = ["RS256", "ES256"], {"require": ["iss", "aud", "iat", "events"]}
    claims = jwt.decode(
        logout_token, key.key, algorithms=algorithms, audience=oidc.client_id, issuer=issuer, options=required
    )
    if EVENT not in claims["events"] or "nonce" in claims:
        raise jwt.InvalidTokenError("not a logout token")
    return claims


app = Starlette(
    routes=[
        Route("/", home),
        Route("/oauth/oidc/login", login),
        Route("/oauth/oidc/callback", callback),
        Route("/oauth/backchannel-logout", backchannel_logout, methods=["POST"]),
        Route("/signout", sign_out),
        Route("/goodbye", goodbye),
    ],
    middleware=[Middleware(SessionMiddleware, secret_key=secrets.token_hex(32), session_cookie="open_webui")],
)
