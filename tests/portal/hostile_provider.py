"""A provider that answers wrongly on demand, to see that the portal believes none of it.

Our own provider cannot be made to sign for another audience or to name another subject; what a portal must refuse has
to come from somewhere. It speaks real HTTP and signs real tokens; `wrong` says what the next answers get wrong.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import make_server

CLAIMS: Mapping[str, Any] = {
    "sub": "person-1",
    "name": "Roland Hoareau",
    "given_name": "Roland",
    "family_name": "Hoareau",
    "civility": "M.",
    "email": "roland.hoareau@courriel.example",
    "email_verified": True,
    "phone_number": "+33195797853",
    "address": {"formatted": "509, boulevard Breton\n59469 Saint-Laurence-sur-Mer\nFrance"},
    "memberships": [
        {
            "client": "ADB",
            "societe": "TLS01",
            "agency_name": "Agence du Capitole",
            "role": "proprietaire",
            "mandate": "4200",
            "contracts": [
                {"reference": "V7054", "role": "proprietaire", "mandate": ""},
                {"reference": "C50309", "role": "coproprietaire", "mandate": ""},
            ],
        }
    ],
}


@dataclass
class HostileProvider:
    """wrong: names of what to get wrong; empty for a provider that is right. asked: the last parameters of each endpoint."""

    wrong: set[str] = field(default_factory=set)
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    issuer: str = ""

    def __post_init__(self) -> None:
        self._es256 = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
        self._rs256 = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
        self._stranger = ECKey.generate_key("P-256", {"kid": "ec"})

    def discovery(self) -> Response:
        return jsonify(
            issuer="https://other.example" if "metadata issuer" in self.wrong else self.issuer,
            authorization_endpoint=f"{self.issuer}/oauth/authorize",
            token_endpoint=f"{self.issuer}/oauth/token",
            userinfo_endpoint=f"{self.issuer}/oauth/userinfo",
            jwks_uri=f"{self.issuer}/oauth/jwks",
            end_session_endpoint=f"{self.issuer}/oauth/logout",
            id_token_signing_alg_values_supported=["RS256", "ES256"],
            authorization_response_iss_parameter_supported=True,
        )

    def authorize(self) -> Any:
        self.asked["authorize"] = request.args.to_dict()
        code = f"code-{len(self.codes)}"
        self.codes[code] = request.args.to_dict()
        answer = {"code": code, "state": request.args["state"], "iss": self.issuer}
        if "answer issuer" in self.wrong:
            answer["iss"] = "https://other.example"
        if "no answer issuer" in self.wrong:
            del answer["iss"]
        query = "&".join(f"{k}={v}" for k, v in answer.items())
        return redirect(f"{request.args['redirect_uri']}?{query}")

    def token(self) -> Any:
        self.asked["token"] = request.form.to_dict()
        if "token down" in self.wrong:
            return "down", 503
        if "token refused" in self.wrong:
            return jsonify(error="invalid_grant"), 400
        asked = self.codes.pop(request.form["code"], None)
        if asked is None:
            return jsonify(error="invalid_grant"), 400
        now = int(time.time())
        claims = {
            "iss": "https://other.example" if "token issuer" in self.wrong else self.issuer,
            "aud": ["somebody-else"] if "audience" in self.wrong else asked["client_id"],
            "azp": asked["client_id"],
            "sub": "person-1",
            "iat": now,
            "exp": now - 600 if "expired" in self.wrong else now + 600,
            "nonce": "another" if "nonce" in self.wrong else asked["nonce"],
        }
        if "no nonce" in self.wrong:
            del claims["nonce"]
        key, algorithm = (self._rs256, "RS256") if "algorithm" in self.wrong else (self._es256, "ES256")
        if "signature" in self.wrong:
            key = self._stranger
        made = {
            "access_token": "access",
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key),
        }
        if "no id token" in self.wrong:
            del made["id_token"]
        return jsonify(made)

    def userinfo(self) -> Any:
        if "userinfo down" in self.wrong:
            return "down", 500
        if "userinfo list" in self.wrong:
            return jsonify([])
        return jsonify(dict(CLAIMS, sub="person-2") if "userinfo subject" in self.wrong else CLAIMS)

    def jwks(self) -> Response:
        return jsonify(KeySet([self._es256, self._rs256]).as_dict())

    def logout(self) -> Any:
        self.asked["logout"] = request.args.to_dict()
        return redirect(request.args["post_logout_redirect_uri"])

    def app(self) -> Flask:
        app = Flask("hostile")
        app.add_url_rule("/.well-known/openid-configuration", view_func=self.discovery)
        for name in ("authorize", "userinfo", "jwks", "logout"):
            app.add_url_rule(f"/oauth/{name}", view_func=getattr(self, name))
        app.add_url_rule("/oauth/token", view_func=self.token, methods=["POST"])
        return app

    def start(self) -> Any:
        """Serve on a free loopback port; returns the server, for `shutdown()`."""
        server = make_server("127.0.0.1", 0, self.app(), threaded=True)
        self.issuer = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server
