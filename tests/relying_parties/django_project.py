"""The addresses of the Django project; imported by Django, after its settings are made."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.email if request.user.is_authenticated else "personne")  # type: ignore[union-attr]


def signed_out(request: HttpRequest) -> str:
    """OIDC_OP_LOGOUT_URL_METHOD: where to go on to when Django has ended its own session."""
    hint = request.session["oidc_id_token"]
    back = request.build_absolute_uri("/")
    return f"{settings.OIDC_OP_LOGOUT_ENDPOINT}?id_token_hint={hint}&post_logout_redirect_uri={back}"


urlpatterns = [path("", home), path("oidc/", include("mozilla_django_oidc.urls"))]
