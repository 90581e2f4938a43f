"""How long requests take, by route and class of status, where metrics are on."""

from __future__ import annotations

from time import perf_counter

from flask import Flask, Response, request

from idp import metrics

UNMATCHED = "unmatched"  # paths and methods that no route has: scanners make up as many as they like


def install(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        request.environ["idp.began"] = perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        rule = request.url_rule
        began = request.environ.get("idp.began", perf_counter())
        metrics.request(UNMATCHED if rule is None else rule.rule, response.status_code, perf_counter() - began)
        return response
