"""An agency's logo: on its pages, from our own address, a picture and nothing else."""

from __future__ import annotations

import hashlib

import pytest

from idp.tenancy import logos, store
from tests.support.png import png
from tests.support.world import HTTP, World


def test_the_agencys_logo_stands_on_its_pages(world: World) -> None:
    logo = logos.read(png())
    with world.transaction() as db:
        store.put_logo(db, logo)
        store.put_logo(db, logo)  # two agencies of a group have the same
    page = world.person().open(f"/login?{world.agency(logo=logo.digest).query}")
    assert f'src="/brand/{logo.digest}"' in page.html
    response = HTTP.get(f"{world.base}/brand/{logo.digest}")
    assert response.content == logo.content
    assert response.headers["content-type"] == "image/png"
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_page_without_a_logo_asks_for_none(world: World) -> None:
    assert "/brand/" not in world.person().open(f"/login?{world.agency().query}").html


def test_an_unknown_logo_is_not_found(world: World) -> None:
    assert HTTP.get(f"{world.base}/brand/{hashlib.sha256(b'x').hexdigest()}").status_code == 404


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", png() + b"x" * 20_480],
    ids=["empty", "gif", "svg", "heavy"],
)
def test_only_a_small_png_or_jpeg_is_a_logo(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"PNG|bytes"):
        logos.read(content)


def test_a_jpeg_is_known_by_its_first_bytes() -> None:
    assert logos.read(b"\xff\xd8\xff\xe0rest").media_type == "image/jpeg"
