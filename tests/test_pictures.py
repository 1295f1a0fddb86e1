"""Logo and QRIS picture of the ISP: uploaded as proofs are, logged, shown to everybody, and printed."""

import io
import json
from typing import Any

import pikepdf
import pytest
from PIL import Image

from sebilling.billing.pictures import MAX_PICTURE_BYTES
from sebilling.db.engine import Database
from sebilling.schema.request.endpoint import PREFLIGHT
from tests.harness import Api, Isp

_ERRORS = "errors { code message field }"
SET = f"mutation($i: SetIspPictureInput!) {{ setIspPicture(input: $i) {{ settings {{ logo {{ path mediaType sizeBytes }} }} {_ERRORS} }} }}"
REMOVE = f"mutation($i: RemoveIspPictureInput!) {{ removeIspPicture(input: $i) {{ settings {{ logo {{ path }} }} {_ERRORS} }} }}"


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 100), colour: str = "red") -> bytes:
    """A picture with a comment, which must not be kept."""
    content = io.BytesIO()
    Image.new("RGB", size, colour).save(content, kind, comment=b"where it was taken")
    return content.getvalue()


async def send(api: Api, content: bytes, kind: str = "LOGO") -> Any:
    """Upload a picture; gives the payload."""
    operations = json.dumps({"query": SET, "variables": {"i": {"kind": kind, "picture": None}}})
    parts: Any = [
        ("operations", (None, operations)),
        ("map", (None, '{"0": ["variables.i.picture"]}')),
        ("0", ("logo.png", content, "image/png")),
    ]
    response = await api.http.post("/graphql", files=parts, headers={**api.headers, PREFLIGHT: "1"})
    assert "errors" not in response.json(), response.text
    return response.json()["data"]["setIspPicture"]


async def signed_in(database: Database) -> Api:
    api = Api(database)
    await api.sign_in()
    return api


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
async def test_a_picture_is_shown_to_everybody_until_it_is_removed(database: Database, kind: str) -> None:
    isp = await Isp.make(database)
    api = await signed_in(database)
    first = (await send(api, picture(kind)))["settings"]["logo"]
    answer = await api.http.get(first["path"], headers={"Authorization": ""})
    assert answer.headers["content-type"] == first["mediaType"] == f"image/{kind.lower()}"
    assert len(answer.content) == first["sizeBytes"]
    assert b"where it was taken" not in answer.content
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    second = (await send(api, picture(kind, colour="blue")))["settings"]["logo"]
    assert second["path"] != first["path"], "so that no browser shows the old one"
    await send(api, picture(kind, colour="blue"))
    assert (await api.do(REMOVE, i={"kind": "LOGO"}))["settings"]["logo"] is None
    assert (await api.do(REMOVE, i={"kind": "LOGO"}))["settings"]["logo"] is None
    assert (await api.http.get(second["path"])).status_code == 404
    logged = [data for (data,) in await isp.rows("SELECT data FROM event WHERE kind = 'settings.picture_changed' ORDER BY id")]
    assert [(data["before"] is None, data["after"] is None) for data in logged] == [(True, False), (False, False), (False, True)]
    assert logged[0]["after"] == logged[1]["before"]


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", picture("WEBP"), picture()[:-20],
     picture() + bytes(MAX_PICTURE_BYTES)],
    ids=["empty", "svg", "gif", "webp", "torn", "large"],
)  # fmt: skip
async def test_what_is_no_logo_changes_nothing(database: Database, content: bytes) -> None:
    isp = await Isp.make(database)
    api = await signed_in(database)
    payload = await send(api, content)
    assert [(error["code"], error["field"]) for error in payload["errors"]] == [("INVALID_PICTURE", ["input", "picture"])], payload
    assert await isp.value("SELECT count(*) FROM isp_picture") == 0


@pytest.mark.parametrize("path", ["/isp/none", "/isp/logo", "/isp/LOGO%00", "/isp/..%2Flogo"])
async def test_where_no_picture_is(database: Database, path: str) -> None:
    await Isp.make(database)
    assert (await Api(database).http.get(path)).status_code == 404


async def test_pictures_stand_on_the_customers_page_and_on_papers(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    api = await signed_in(database)
    path = (await api.ask("query($id: ID!) { customerPageLink(customerId: $id) { path } }", id=f"cus_{customer_id}"))["path"]
    assert "<img" not in (await api.http.get(path)).text
    for kind in ("LOGO", "QRIS"):
        await send(api, picture(colour="red" if kind == "LOGO" else "black"), kind)
    for page in (path, "/isolir"):
        answer = await api.http.get(page)
        assert answer.text.count("<img") == 2, page
        assert 'src="/isp/logo?v=' in answer.text
        assert 'src="/isp/qris?v=' in answer.text
        assert "img-src 'self'" in answer.headers["content-security-policy"]
    number = await isp.value("SELECT number FROM invoice")
    paper = await api.http.get(f"{path}/{number}.pdf")
    with pikepdf.open(io.BytesIO(paper.content)) as pdf:
        assert len(pdf.pages[0].get_images()) == 2
