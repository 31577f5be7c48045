"""What stands between a client and the API: Amazon API Gateway, its authorizer, and how to pass it.

The gateway's own answers are `{"message": ...}` and no problem details. Seen and described:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html (401)
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html (413: 10 MB; 503 after 30 s)
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html (429)
The engine of a local run answers only 404, 500 and 502 by itself: it neither authorises nor throttles here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lambdas.ingest.identity import LOCAL_CLIENT_HEADER, REFUND_SCOPE

if TYPE_CHECKING:
    from lambdas.ingest.openapi_parts import Schema

_DOCUMENT_PATH: Final = "/v1/openapi.json"
_ANSWERS: Final[dict[str, str]] = {
    "413": "the body is larger than the gateway takes",
    "429": "too many requests at a time: try again, with the same key",
    "500": "the function failed before it could answer: try again, with the same key",
    "503": "the function did not answer in time: try again, with the same key",
}
_AUTHORIZER_ANSWERS: Final[dict[str, dict[str, str]]] = {
    "jwt": {
        "401": "no token, or one that is not valid; `WWW-Authenticate` says why",
        "403": "the token lacks a scope",
    },
    "iam": {"403": "no signature, a wrong one, or a role that may not call this route"},
    "local": {},
}
_MESSAGE: Final[Schema] = {"application/json": {"schema": {"$ref": "#/components/schemas/GatewayMessage"}}}


def gateway_schemas() -> Schema:
    """Describe the body of the gateway's own answers."""
    message: Schema = {
        "type": "object",
        "description": "An answer of Amazon API Gateway itself",
        "required": ["message"],
        "properties": {"message": {"type": "string"}},
    }
    return {"GatewayMessage": message}


def security_schemes(auth_mode: str) -> Schema:
    """Describe how a client says who it is."""
    match auth_mode:
        case "jwt":
            return {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        case "iam":
            signature = {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "AWS Signature Version 4 for the service execute-api",
                "x-amazon-apigateway-authtype": "awsSigv4",
            }
            return {"signature": signature}
    client = {
        "type": "apiKey",
        "in": "header",
        "name": LOCAL_CLIENT_HEADER,
        "description": "On a local run only: the client's name. X-Orders-Scopes lists its scopes",
    }
    return {"client": client}


def behind_the_gateway(paths: Schema, auth_mode: str) -> Schema:
    """Add what every operation asks of a client, and what the gateway may answer in the API's place."""
    return {
        path: {method: _guarded(operation, path, auth_mode) for method, operation in operations.items()}
        for path, operations in paths.items()
    }


def _guarded(operation: Schema, path: str, auth_mode: str) -> Schema:
    scopes = [REFUND_SCOPE] if auth_mode == "jwt" and operation["operationId"] == "refundOrder" else []
    # Without an authorizer the document is served to everybody; every other route asks who calls.
    open_ = auth_mode == "local" and path == _DOCUMENT_PATH
    security = [] if open_ else [{name: scopes} for name in security_schemes(auth_mode)]
    responses: Schema = dict(operation["responses"])
    for status, meaning in {**_ANSWERS, **_AUTHORIZER_ANSWERS.get(auth_mode, {})}.items():
        if status != "413" or "requestBody" in operation:
            responses[status] = _with_message(responses.get(status), meaning)
    return {**operation, "security": security, "responses": dict(sorted(responses.items()))}


def _with_message(response: Schema | None, meaning: str) -> Schema:
    if response is None:
        return {"description": f"API Gateway: {meaning}", "content": _MESSAGE}
    description = f"{response['description']}; API Gateway: {meaning}"
    return {**response, "description": description, "content": {**response["content"], **_MESSAGE}}
